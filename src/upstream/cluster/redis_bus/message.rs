//! How an invalidation is written: as an entry of the stream, and as a message of the channel.

use std::fmt;

use redis::{Cmd, Value};

use super::id::Id;
use crate::ports::invalidation::Invalidation;

/// The process that sent a message, so that it does not apply its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin(u64);

impl Origin {
    pub(super) fn random() -> Self {
        Self(fastrand::u64(..))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What an entry or a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Invalidation {
        origin: Option<Origin>,
        what: Invalidation,
    },
    /// The start of an epoch.
    Reset,
}

const ORIGIN: &[u8] = b"o";
const INVALIDATION: &[u8] = b"m";
const RESET: &[u8] = b"r";

impl Content {
    /// Adds the fields of an invalidation to an XADD.
    pub(super) fn write(command: &mut Cmd, origin: Origin, json: &str) {
        command.arg(ORIGIN).arg(origin.to_string()).arg(INVALIDATION).arg(json);
    }

    /// Adds those of the start of an epoch.
    pub(super) fn write_reset(command: &mut Cmd) {
        command.arg(RESET).arg("1");
    }

    /// Reads the fields of an entry. One of another version may be about anything.
    pub(super) fn of_fields(fields: &[Value]) -> Self {
        let field = |name: &[u8]| {
            fields.chunks_exact(2).find_map(|pair| match pair {
                [Value::BulkString(key), Value::BulkString(value)] if key == name => Some(&value[..]),
                _ => None,
            })
        };
        if field(RESET).is_some() {
            return Self::Reset;
        }
        let origin = field(ORIGIN).and_then(origin_of);
        let what = field(INVALIDATION).map_or(Invalidation::All, Invalidation::from_json);
        Self::Invalidation { origin, what }
    }

    /// Writes a message: the id of its entry, or `-` where there is none, the origin, and the invalidation.
    pub(super) fn message(id: Option<Id>, origin: Origin, json: &str) -> String {
        match id {
            Some(id) => format!("{id} {origin} {json}"),
            None => format!("- {origin} {json}"),
        }
    }

    /// Reads a message, and the id of its entry.
    pub(super) fn of_message(message: &[u8]) -> (Option<Id>, Self) {
        let mut parts = message.splitn(3, |byte| *byte == b' ');
        let mut part = || parts.next().unwrap_or_default();
        let id = std::str::from_utf8(part()).ok().and_then(|id| id.parse().ok());
        let origin = origin_of(part());
        (id, Self::Invalidation { origin, what: Invalidation::from_json(part()) })
    }

    /// What it invalidates.
    pub(super) fn invalidation(&self) -> Option<&Invalidation> {
        match self {
            Self::Invalidation { what, .. } => Some(what),
            Self::Reset => None,
        }
    }

    /// What it invalidates, unless it was sent by this process, which has applied it already.
    pub(super) fn of_others(&self, own: Origin) -> Option<&Invalidation> {
        match self {
            Self::Invalidation { origin, what } if *origin != Some(own) => Some(what),
            Self::Invalidation { .. } | Self::Reset => None,
        }
    }
}

fn origin_of(hex: &[u8]) -> Option<Origin> {
    let hex = std::str::from_utf8(hex).ok().filter(|hex| hex.len() == 16)?;
    u64::from_str_radix(hex, 16).ok().map(Origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_is_read_back_and_a_strange_one_is_about_all() {
        let (own, other) = (Origin(7), Origin(8));
        let alice = Invalidation::of(Some(7.into()), Some("al ice"));
        let id = Id { epoch: 1_700_000_000_000, number: 12 };
        for id in [Some(id), None] {
            let message = Content::message(id, other, &alice.to_json());
            let (read, content) = Content::of_message(message.as_bytes());
            assert_eq!((read, content.of_others(own)), (id, Some(&alice)), "{message}");
            assert_eq!(content.of_others(other), None, "one's own");
        }
        for strange in [&b""[..], b"hello", b"1-2", b"1-2 0000000000000008", b"1-2 x {}", b"\xff \xff \xff"] {
            let (_, content) = Content::of_message(strange);
            assert_eq!(content.of_others(own), Some(&Invalidation::All), "{strange:?}");
        }
    }

    #[test]
    fn fields_are_read_in_any_order_and_strange_ones_are_about_all() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let fields =
            |pairs: &[&str]| Content::of_fields(&pairs.iter().map(|part| text(part)).collect::<Vec<_>>());
        let own = Origin(7);
        let org = Invalidation::Org { id: "acme".into() };
        let json = org.to_json();
        for pairs in [["o", "0000000000000008", "m", &json], ["m", &json, "o", "0000000000000008"]] {
            assert_eq!(fields(&pairs).of_others(own), Some(&org));
        }
        assert_eq!(fields(&["o", "0000000000000007", "m", &json]).of_others(own), None);
        assert_eq!(fields(&["r", "1"]).of_others(own), None);
        for strange in [&["x", "y"][..], &["o", "0000000000000008"], &["m"], &[]] {
            assert_eq!(fields(strange).of_others(own), Some(&Invalidation::All), "{strange:?}");
        }
    }
}
