use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::id::UserId;
use crate::types::lenient;
use crate::types::spelling::Record;

/// A group that users belong to. All of its fields may be missing.
///
/// ```
/// use aigc_auth::UserInfo;
/// use aigc_auth::user::UserGroup;
///
/// let ops = UserGroup::new("ops").with_id(3).with_name("Operations");
/// let user = UserInfo::builder(7, "alice").groups([ops, "staff".into()]).build();
/// assert!(user.has_group("ops") && user.has_group("staff"));
/// assert_eq!(user.groups()[0].name(), Some("Operations"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserGroup {
    id: Option<UserId>,
    name: Option<Box<str>>,
    code: Option<Box<str>>,
    description: Option<Box<str>>,
}

impl UserGroup {
    /// Creates a group of this code, for tests and for your own [`Verify`](crate::Verify). An empty code is none.
    pub fn new(code: impl Into<Box<str>>) -> Self {
        Self { id: None, name: None, code: non_empty(Some(code.into())), description: None }
    }

    /// Sets the id.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<UserId>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<Box<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the description.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<Box<str>>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// The id, a number or a string as the auth center has it.
    pub fn id(&self) -> Option<&UserId> {
        self.id.as_ref()
    }

    /// The display name.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The code, by which [`UserInfo::has_group`](crate::UserInfo::has_group) finds the group.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The description. Only `AuthClient::list_groups` has it.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Estimates how many bytes the group takes.
    #[cfg(feature = "client")]
    pub(crate) fn size(&self) -> usize {
        let texts = [&self.name, &self.code, &self.description];
        size_of::<Self>() + texts.into_iter().flatten().map(|text| text.len()).sum::<usize>()
    }
}

impl From<&str> for UserGroup {
    fn from(code: &str) -> Self {
        Self::new(code)
    }
}

impl From<String> for UserGroup {
    fn from(code: String) -> Self {
        Self::new(code)
    }
}

/// As a map, in binary formats as well: what reads a group back takes no list for one.
impl Serialize for UserGroup {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("code", &self.code)?;
        map.serialize_entry("description", &self.description)?;
        map.end()
    }
}

/// From an object, or from a string: the code, as in lists of roles and permissions.
impl<'de> Deserialize<'de> for UserGroup {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            #[serde(default, deserialize_with = "lenient::optional")]
            id: Option<UserId>,
            #[serde(default, deserialize_with = "lenient::optional")]
            name: Option<Box<str>>,
            #[serde(default, deserialize_with = "lenient::optional")]
            code: Option<Box<str>>,
            #[serde(default, deserialize_with = "lenient::optional")]
            description: Option<Box<str>>,
        }

        struct Group;

        impl<'de> Visitor<'de> for Group {
            type Value = UserGroup;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a group: an object or a code")
            }

            fn visit_str<E: Error>(self, code: &str) -> Result<UserGroup, E> {
                Ok(UserGroup::new(code))
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<UserGroup, A::Error> {
                let Record(Fields { id, name, code, description }) =
                    Record::deserialize(MapAccessDeserializer::new(fields))?;
                Ok(UserGroup { id, name, code: non_empty(code), description })
            }
        }

        deserializer.deserialize_any(Group)
    }
}

/// An empty code is none, so that no check for `""` finds it.
fn non_empty(code: Option<Box<str>>) -> Option<Box<str>> {
    code.filter(|code| !code.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_read_from_objects_and_codes() {
        let bare = UserGroup::new("");
        for (json, expected) in [
            (r#"{"id": 3, "name": "Ops", "code": "ops"}"#, UserGroup::new("ops").with_id(3).with_name("Ops")),
            (
                r#"{"id": "3", "code": "ops", "description": "d"}"#,
                UserGroup::new("ops").with_id("3").with_description("d"),
            ),
            (r#"{"id": 3, "code": null}"#, bare.clone().with_id(3)),
            (r#"{"id": 3, "code": ""}"#, bare.clone().with_id(3)),
            (r#"{"something_new": []}"#, bare.clone()),
            (r#""ops""#, UserGroup::new("ops")),
            (r#""""#, bare),
        ] {
            assert_eq!(serde_json::from_str::<UserGroup>(json).unwrap(), expected, "{json}");
        }
        assert_eq!(UserGroup::new("").code(), None, "so that no check for an empty code finds it");
        for (json, expected) in [
            (r#"{"id": true, "code": "ops"}"#, UserGroup::new("ops")),
            (r#"{"id": 1.5, "name": {}, "code": "ops", "description": 7}"#, UserGroup::new("ops")),
            (r#"{"id": 3, "code": 7}"#, UserGroup::new("").with_id(3)),
        ] {
            assert_eq!(serde_json::from_str::<UserGroup>(json).unwrap(), expected, "{json}");
        }
        for json in ["7", "null", r#"[3, "Ops", "ops"]"#] {
            assert!(serde_json::from_str::<UserGroup>(json).is_err(), "{json}");
        }
        let ops = UserGroup::new("ops").with_id(3);
        let json = r#"{"id":3,"name":null,"code":"ops","description":null}"#;
        assert_eq!(serde_json::to_string(&ops).unwrap(), json);
        assert_eq!(serde_json::from_str::<UserGroup>(json).unwrap(), ops);
    }
}
