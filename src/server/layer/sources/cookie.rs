//! Find a cookie, as RFC 6265 section 5.4 has browsers send it.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};
use percent_encoding::percent_decode;

use super::sent::Value;

/// Returns the value of a cookie: without its quotes, and percent-decoded, for `%` is in no credential.
pub(super) fn find<'a>(headers: &'a HeaderMap, name: &str) -> Value<'a> {
    // HTTP/2 may send a line for each.
    let lines = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
    let mut values = lines.flat_map(|line| line.split(|&byte| byte == b';')).filter_map(|pair| {
        let equals = pair.iter().position(|&byte| byte == b'=')?;
        let (its_name, value) = pair.split_at(equals);
        (its_name.trim_ascii() == name.as_bytes()).then(|| unquoted(value.get(1..)?.trim_ascii())).flatten()
    });
    match (values.next(), values.next()) {
        (None, _) => Value::Nothing,
        (Some(_), Some(_)) => Value::Malformed("is there more than once"),
        (Some([]), None) => Value::Nothing,
        (Some(value), None) => Value::Credential(Cow::from(percent_decode(value))),
    }
}

fn unquoted(value: &[u8]) -> Option<&[u8]> {
    Some(match value {
        [b'"', inner @ .., b'"'] => inner,
        value => value,
    })
}
