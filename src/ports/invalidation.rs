//! What is invalidated, and how it is told to others.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::types::credential_tag::CredentialTag;
use crate::types::tenant::OrgId;
use crate::types::user::UserId;

/// What to invalidate.
///
/// Serializes as a small map, for an `InvalidationBus`. One of another version, with a kind or
/// a field that is not known here, is read as [`All`](Self::All).
///
/// ```
/// use aigc_auth::invalidate::Invalidation;
///
/// let alice = Invalidation::of(Some(7.into()), Some("alice"));
/// assert_eq!(alice.to_json(), r#"{"kind":"user","id":7,"username":"alice"}"#);
/// assert_eq!(Invalidation::from_json(alice.to_json().as_bytes()), alice);
/// assert_eq!(Invalidation::from_json(br#"{"kind":"planet"}"#), Invalidation::All);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Read", into = "Known")]
#[non_exhaustive]
pub enum Invalidation {
    /// One user, under all credentials. Either field may be unknown; a cache matches whichever is there.
    User {
        /// The user's id.
        id: Option<UserId>,
        /// The user's login name.
        username: Option<Box<str>>,
    },
    /// One credential. Sent by a replica to others, whose caches have the same keys.
    Credential {
        /// Stands for the credential.
        tag: CredentialTag,
    },
    /// An organisation, for all of its members: cached memberships in it. Users themselves stay cached.
    Org {
        /// The organisation's id.
        id: OrgId,
    },
    /// Every user.
    All,
}

impl Invalidation {
    const MAX_JSON: usize = 8192;

    /// Invalidates the user of this id, this username or both; [`Invalidation::All`] where neither is known, since any
    /// user may have changed.
    ///
    /// ```
    /// use aigc_auth::invalidate::Invalidation;
    ///
    /// assert!(matches!(Invalidation::of(Some(7.into()), None), Invalidation::User { .. }));
    /// assert_eq!(Invalidation::of(None, None), Invalidation::All);
    /// ```
    pub fn of(id: Option<UserId>, username: Option<&str>) -> Self {
        match (id, username) {
            (None, None) => Self::All,
            (id, username) => Self::User { id, username: username.map(Into::into) },
        }
    }

    /// Writes it as JSON.
    pub fn to_json(&self) -> String {
        // Texts and numbers: nothing that fails.
        serde_json::to_string(self).unwrap_or_else(|_| r#"{"kind":"all"}"#.to_owned())
    }

    /// Reads it from JSON. What cannot be read is [`Invalidation::All`]: anything may have changed. So is what is longer than 8 KiB, for
    /// caches keep the names of tens of thousands.
    pub fn from_json(json: &[u8]) -> Self {
        if json.len() > Self::MAX_JSON {
            return Self::All;
        }
        serde_json::from_slice(json).unwrap_or(Self::All)
    }
}

/// As it is written. Internally tagged, so that later versions can add fields.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Known {
    User {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<UserId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        username: Option<Box<str>>,
    },
    Credential {
        tag: CredentialTag,
    },
    Org {
        id: OrgId,
    },
    All,
}

/// As it is read.
#[derive(Deserialize)]
#[serde(untagged)]
enum Read {
    Known(Known),
    Unknown(IgnoredAny),
}

impl From<Invalidation> for Known {
    fn from(invalidation: Invalidation) -> Self {
        match invalidation {
            Invalidation::User { id, username } => Self::User { id, username },
            Invalidation::Credential { tag } => Self::Credential { tag },
            Invalidation::Org { id } => Self::Org { id },
            Invalidation::All => Self::All,
        }
    }
}

impl From<Read> for Invalidation {
    fn from(read: Read) -> Self {
        match read {
            Read::Known(Known::User { id, username }) => Self::of(id, username.as_deref()),
            Read::Known(Known::Credential { tag }) => Self::Credential { tag },
            Read::Known(Known::Org { id }) => Self::Org { id },
            Read::Known(Known::All) | Read::Unknown(_) => Self::All,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_read_back_and_others_are_all() {
        let tag = CredentialTag::new([0xab; 16]);
        let by_name = |id: Option<UserId>| Invalidation::User { id, username: Some("al\"ice".into()) };
        for (invalidation, json) in [
            (Invalidation::of(Some(7.into()), None), r#"{"kind":"user","id":7}"#.to_owned()),
            (Invalidation::of(Some("7".into()), None), r#"{"kind":"user","id":"7"}"#.to_owned()),
            (by_name(None), r#"{"kind":"user","username":"al\"ice"}"#.to_owned()),
            (by_name(Some(7.into())), r#"{"kind":"user","id":7,"username":"al\"ice"}"#.to_owned()),
            (Invalidation::Credential { tag }, format!(r#"{{"kind":"credential","tag":"{tag}"}}"#)),
            (Invalidation::Org { id: "acme".into() }, r#"{"kind":"org","id":"acme"}"#.to_owned()),
            (Invalidation::All, r#"{"kind":"all"}"#.to_owned()),
        ] {
            assert_eq!(invalidation.to_json(), json);
            assert_eq!(Invalidation::from_json(json.as_bytes()), invalidation, "{json}");
        }
        for other in [
            r#"{"kind":"team","id":7}"#,
            r#"{"kind":"user","id":7,"tenant":"acme"}"#,
            r#"{"kind":"credential","tag":"AB"}"#,
            r#"{"kind":"user"}"#,
            r#"{"kind":"user","id":[7]}"#,
            r#"{"id":7}"#,
            "[]",
            "7",
            "",
            "{",
            "\u{0}",
        ] {
            assert_eq!(Invalidation::from_json(other.as_bytes()), Invalidation::All, "{other}");
        }
    }

    /// Whoever can send a message could fill the memory of all replicas, which keep tens of thousands of names.
    #[test]
    fn what_is_longer_than_any_name_is_all() {
        for (len, is_all) in [(7_000, false), (9_000, true), (1 << 20, true)] {
            for long in [
                Invalidation::of(None, Some(&"n".repeat(len))),
                Invalidation::of(Some("i".repeat(len).as_str().into()), None),
                Invalidation::Org { id: "o".repeat(len).as_str().into() },
            ] {
                let expected = if is_all { Invalidation::All } else { long.clone() };
                assert!(Invalidation::from_json(long.to_json().as_bytes()) == expected, "{len}");
            }
        }
    }
}
