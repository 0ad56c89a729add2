//! What a row expects.

use std::fmt;

use serde_json::Value;

use crate::support::Answer;

/// A status with the challenge or `Retry-After`, or what the service sees.
#[derive(PartialEq)]
pub(super) enum Seen {
    Refused(u16, Option<String>),
    Served(Value),
}

/// As the report has it.
impl fmt::Debug for Seen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(status, None) => write!(formatter, "{status}"),
            Self::Refused(status, Some(header)) => write!(formatter, "{status}, {header}"),
            Self::Served(seen) => write!(formatter, "200, {seen}"),
        }
    }
}

pub(super) fn refused(status: u16, header: &str) -> Seen {
    Seen::Refused(status, (!header.is_empty()).then(|| header.to_owned()))
}

pub(super) fn told(answer: &Answer) -> Option<String> {
    answer.header("retry-after").or(answer.header("www-authenticate")).map(str::to_owned)
}

/// What the service has answered, in JSON, or how the request was refused.
pub(super) fn seen(answer: &Answer) -> Seen {
    match answer.status {
        200 => Seen::Served(answer.json()),
        status => Seen::Refused(status, told(answer)),
    }
}
