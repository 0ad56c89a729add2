//! Find the claims that the defaults read.

use serde_json::{Map, Value};

macro_rules! known_claims {
    ($($field:ident: $name:literal),+ $(,)?) => {
        /// The claims that the defaults read, found in one pass: to look each up by its name costs several times as much.
        #[derive(Default)]
        pub(super) struct KnownClaims<'a> {
            $(pub(super) $field: Option<&'a Value>,)+
        }

        impl<'a> KnownClaims<'a> {
            pub(super) fn of(claims: &'a Map<String, Value>) -> Self {
                let mut known = Self::default();
                for (name, value) in claims {
                    match name.as_str() {
                        $($name => known.$field = Some(value),)+
                        _ => {}
                    }
                }
                known
            }
        }
    };
}

known_claims! {
    preferred_username: "preferred_username",
    username: "username",
    email: "email",
    email_verified: "email_verified",
    email_verified_too: "emailVerified",
    phone: "phone",
    phone_number: "phone_number",
    name: "name",
    nickname: "nickname",
    picture: "picture",
    role: "role",
    roles: "roles",
    permissions: "permissions",
    scope: "scope",
    scp: "scp",
    scopes: "scopes",
    app_metadata: "app_metadata",
    user_metadata: "user_metadata",
    is_anonymous: "is_anonymous",
    provider_id: "provider_id",
    firebase: "firebase",
}
