//! The names of keys, and what their values mean: shared with services in other languages.

use crate::services::revocation::list::Kind;
use crate::types::revocation::{Instant, TokenIds};

/// What a key is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub(super) kind: Kind,
    pub(super) id: Box<str>,
}

const KINDS: [(Kind, &str); 3] = [(Kind::Token, "jti"), (Kind::Session, "sid"), (Kind::User, "user")];

/// What keys start with.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub(super) prefix: Box<str>,
}

impl Keys {
    pub(super) fn key(&self, name: &Name) -> String {
        let word = KINDS.iter().find(|(kind, _)| *kind == name.kind).map_or("", |(_, word)| word);
        format!("{}{word}:{}", self.prefix, name.id)
    }

    /// `None` for keys that are about nothing known here.
    pub(super) fn name(&self, key: &[u8]) -> Option<Name> {
        let rest = std::str::from_utf8(key).ok()?.strip_prefix(&*self.prefix)?;
        let (word, id) = rest.split_once(':')?;
        let (kind, _) = KINDS.iter().find(|(_, known)| *known == word)?;
        (!id.is_empty()).then(|| Name { kind: *kind, id: id.into() })
    }

    /// The pattern of SCAN, in which the prefix stands for itself.
    pub(super) fn pattern(&self) -> String {
        let mut pattern = String::new();
        for letter in self.prefix.chars() {
            if matches!(letter, '*' | '?' | '[' | ']' | '\\' | '^') {
                pattern.push('\\');
            }
            pattern.push(letter);
        }
        pattern + "*"
    }
}

impl Name {
    /// What a token may be revoked by.
    pub(super) fn all_of(ids: &TokenIds) -> Vec<Self> {
        let jti = ids.jti().map(|id| (Kind::Token, id));
        let sid = ids.sid().map(|id| (Kind::Session, id));
        let users = ids.user_ids().map(|id| (Kind::User, id));
        jti.into_iter().chain(sid).chain(users).map(|(kind, id)| Self { kind, id: id.into() }).collect()
    }
}

/// Seconds since 1970 from which on a number is an instant: in 2001.
const YEAR_2001: f64 = 1e9;
/// From here on, it is one in milliseconds. As seconds, it would be in the year 5138.
const MILLIS: f64 = 1e11;

/// Writes what a key says. Of users, it is an instant as claims have it: seconds since 1970, here with milliseconds. One that
/// would be read as something else is as early, or as late, as can be read: no token is from before or after.
pub(super) fn value(kind: Kind, before: Instant) -> String {
    if kind != Kind::User {
        return "1".to_owned();
    }
    let before = before.clamp(YEAR_2001 as Instant * 1_000, (MILLIS as Instant - 1) * 1_000);
    format!("{}.{:03}", before / 1_000, before % 1_000)
}

/// Reads the instant of a user. Milliseconds are taken for what they are; what is no instant at all stands for now, so that a
/// service that writes `1` revokes all that has been issued.
pub(super) fn instant_of(value: Option<&[u8]>, now: Instant) -> Instant {
    let seconds = value.and_then(|value| std::str::from_utf8(value).ok()?.trim().parse::<f64>().ok());
    match seconds {
        Some(millis) if millis >= MILLIS && millis.is_finite() => millis.ceil() as Instant,
        Some(seconds) if seconds >= YEAR_2001 && seconds.is_finite() => (seconds * 1_000.0).ceil() as Instant,
        _ => now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::revocation::list::ALL;

    #[test]
    fn names_are_read_back_from_their_keys() {
        for prefix in ["revoked:", "app:1:revoked:", ""] {
            let keys = Keys { prefix: prefix.into() };
            for (kind, id) in [(Kind::Token, "a"), (Kind::Session, "a:b"), (Kind::User, "吊销 \n*")] {
                let name = Name { kind, id: id.into() };
                assert_eq!(keys.name(keys.key(&name).as_bytes()), Some(name));
            }
        }
        let keys = Keys { prefix: "revoked:".into() };
        assert_eq!(keys.key(&Name { kind: Kind::Token, id: "x".into() }), "revoked:jti:x");
        for other in ["revoked:jti:", "revoked:jti", "revoked:", "revoked:org:7", "revoke:jti:x", ""] {
            assert_eq!(keys.name(other.as_bytes()), None, "{other}");
        }
        assert_eq!(keys.name(b"revoked:jti:\xff"), None);
    }

    #[test]
    fn pattern_takes_the_prefix_literally() {
        let pattern = |prefix: &str| Keys { prefix: prefix.into() }.pattern();
        assert_eq!(pattern("revoked:"), "revoked:*");
        assert_eq!(pattern(r"a*[b]?\^"), r"a\*\[b\]\?\\\^*");
    }

    #[test]
    fn instants_are_read_as_others_write_them() {
        const NOW: Instant = 1_764_424_800_000;
        for (text, expected) in [
            ("1764424800", NOW),
            ("1764424800.5", NOW + 500),
            (" 1764424800.0001\n", NOW + 1),
            ("1764424800123", NOW + 123),
            // No instants.
            ("1", NOW),
            ("", NOW),
            ("true", NOW),
            ("NaN", NOW),
            ("inf", NOW),
            ("-5", NOW),
            ("2025-11-29T14:00:00Z", NOW),
        ] {
            assert_eq!(instant_of(Some(text.as_bytes()), NOW), expected, "{text}");
        }
        assert_eq!(instant_of(Some(b"\xff"), NOW), NOW);
        assert_eq!(instant_of(None, NOW), NOW);
        for (before, read) in [
            (NOW, NOW),
            (NOW + 1, NOW + 1),
            (NOW + 999, NOW + 999),
            // Before and after all tokens.
            (0, 1_000_000_000_000),
            (-7, 1_000_000_000_000),
            (Instant::MIN, 1_000_000_000_000),
            (253_402_300_799_000, 99_999_999_999_000),
            (Instant::MAX, 99_999_999_999_000),
        ] {
            assert_eq!(instant_of(Some(value(Kind::User, before).as_bytes()), 0), read, "{before}");
        }
        assert_eq!(value(Kind::User, NOW + 7), "1764424800.007");
        assert_eq!([Kind::Token, Kind::Session].map(|kind| value(kind, ALL)), ["1", "1"]);
        assert_eq!(value(Kind::User, ALL), "99999999999.000");
    }
}
