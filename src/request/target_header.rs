//! The header that names the user to act as.

use http::header::{HeaderMap, HeaderName};

use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::{UserId, UserInfo};

/// The header with the id of the user to act as.
pub(crate) const X_ACT_AS_USER_ID: HeaderName = HeaderName::from_static("x-act-as-user-id");

/// Longest id that is accepted, in bytes.
const MAX_ID_LEN: usize = 256;

/// Reads the id of the user to act as: `None` without the header or with an empty one.
///
/// The id is of the same kind as the actor's own: a number if that is one. The id of a global access key is the number 0
/// at any auth center, so with one whose ids are strings of digits it finds nobody.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] if the header is repeated or cannot be read.
pub(crate) fn requested_target(headers: &HeaderMap, actor: &UserInfo) -> Option<Result<UserId, AuthError>> {
    let mut values = headers.get_all(X_ACT_AS_USER_ID).iter();
    let value = values.next()?;
    let refuse = |why: &'static str| Some(Err(AuthError::new(ErrorKind::InvalidRequest).with_detail(why)));
    if values.next().is_some() {
        // A proxy may have checked either of them.
        return refuse("more than one X-Act-As-User-Id header");
    }
    let Ok(id) = std::str::from_utf8(value.as_bytes()) else {
        return refuse("the X-Act-As-User-Id header is not UTF-8");
    };
    let id = id.trim();
    if id.is_empty() {
        return None;
    }
    if id.len() > MAX_ID_LEN || id.chars().any(char::is_control) {
        return refuse("the X-Act-As-User-Id header is over 256 bytes long, or has control characters");
    }
    // `+7`, `07` and `-0` are no numbers here: an id has one spelling.
    let number = id.parse::<i64>().ok().filter(|number| number.to_string() == id);
    Some(Ok(match (number, actor.id()) {
        (Some(number), UserId::Int(_)) => UserId::Int(number),
        _ => UserId::from(id),
    }))
}
