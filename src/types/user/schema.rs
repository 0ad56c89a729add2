//! The schemas of a user and of their parts, as they are serialized.

use std::borrow::Cow;

use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{KnownFormat, RefOr, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use super::codes::Codes;
use super::group::UserGroup;
use super::id::UserId;
use super::info::UserInfo;

/// A user, as the auth center has them.
#[derive(ToSchema)]
#[schema(as = UserInfo)]
#[allow(dead_code)]
struct User {
    id: UserId,
    /// The login name.
    username: String,
    /// The display name.
    #[schema(required)]
    nickname: Option<String>,
    /// The e-mail address.
    #[schema(required)]
    email: Option<String>,
    /// The phone number.
    #[schema(required)]
    phone: Option<String>,
    /// The URL of a picture.
    #[schema(required)]
    avatar: Option<String>,
    /// Codes of the roles.
    roles: Vec<String>,
    /// Codes of the permissions.
    permissions: Vec<String>,
    groups: Vec<UserGroup>,
    #[schema(required)]
    department: Option<String>,
    #[schema(required)]
    company: Option<String>,
    #[schema(required)]
    feishu_user_id: Option<String>,
    #[schema(required)]
    feishu_open_id: Option<String>,
    #[schema(required)]
    feishu_union_id: Option<String>,
    #[schema(required)]
    feishu_tenant_key: Option<String>,
    /// Whether the user is an admin; `null` if the auth center does not say.
    #[schema(required)]
    is_admin: Option<bool>,
    /// The account's status, such as `active`.
    #[schema(required)]
    status: Option<String>,
}

/// A group that users belong to.
#[derive(ToSchema)]
#[schema(as = UserGroup)]
#[allow(dead_code)]
struct Group {
    #[schema(required)]
    id: Option<UserId>,
    /// The display name.
    #[schema(required)]
    name: Option<String>,
    #[schema(required)]
    code: Option<String>,
    #[schema(required)]
    description: Option<String>,
}

macro_rules! schema_of {
    ($($type:ident: $fields:ident;)+) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                $fields::schema()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
                $fields::schemas(schemas);
            }
        }
    )+};
}

schema_of! {
    UserInfo: User;
    UserGroup: Group;
}

impl PartialSchema for UserId {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)));
        let text = ObjectBuilder::new().schema_type(Type::String);
        OneOfBuilder::new()
            .item(number)
            .item(text)
            .description(Some("A user's id: a number or a string, as the auth center has it."))
            .into()
    }
}

impl ToSchema for UserId {}

impl PartialSchema for Codes {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(ObjectBuilder::new().schema_type(Type::String)).into()
    }
}

impl ToSchema for Codes {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;

    fn names(object: &Value) -> BTreeSet<String> {
        object.as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn schemas_have_the_fields_that_are_serialized() {
        let user = UserInfo::builder(7, "alice").groups(["ops"]).build();
        let user = serde_json::to_value(user).unwrap();
        for (schema, written) in [(UserInfo::schema(), &user), (UserGroup::schema(), &user["groups"][0])] {
            let schema = serde_json::to_value(schema).unwrap();
            assert_eq!(names(&schema["properties"]), names(written));
            // Every field is written, also where it is null.
            let required = schema["required"].as_array().unwrap().iter();
            assert_eq!(
                required.map(|name| name.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>(),
                names(written)
            );
            for (name, value) in written.as_object().unwrap() {
                let types = json!(schema["properties"][name]).to_string();
                assert!(!value.is_null() || types.contains("null"), "{name}: {types}");
            }
        }
        let mut found = vec![];
        UserInfo::schemas(&mut found);
        let found: BTreeSet<_> = found.into_iter().map(|(name, _)| name).collect();
        assert!(found.contains("UserId") && found.contains("UserGroup"), "{found:?}");
        assert_eq!(UserInfo::name(), "UserInfo");
    }
}
