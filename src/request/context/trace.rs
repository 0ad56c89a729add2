//! Ids that callers send to find their requests again.

use http::HeaderValue;

/// Longest id that is passed on, in bytes.
const MAX_ID_LEN: usize = 128;

pub(super) fn id(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok().filter(|id| !id.is_empty() && id.len() <= MAX_ID_LEN)
}

/// W3C Trace Context section 3.2: `version-traceid-parentid-flags`, lower-case hex, later versions may append fields.
pub(super) fn id_of_traceparent(value: &HeaderValue) -> Option<&str> {
    let mut fields = value.to_str().ok()?.split('-');
    let (version, trace_id) = (fields.next()?, fields.next()?);
    let (parent_id, flags) = (fields.next()?, fields.next()?);
    let valid = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace_id, 32)
        && trace_id.bytes().any(|byte| byte != b'0')
        && is_hex(parent_id, 16)
        && is_hex(flags, 2)
        && (version != "00" || fields.next().is_none());
    valid.then_some(trace_id)
}

fn is_hex(text: &str, len: usize) -> bool {
    text.len() == len && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traceparents() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        for (header, valid) in [
            (format!("00-{id}-00f067aa0ba902b7-01"), true),
            (format!("01-{id}-00f067aa0ba902b7-01-more"), true),
            (format!("00-{id}-00f067aa0ba902b7-01-more"), false),
            (format!("ff-{id}-00f067aa0ba902b7-01"), false),
            (format!("00-{}-00f067aa0ba902b7-01", id.to_uppercase()), false),
            (format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), false),
            (format!("00-{id}-01"), false),
            (id.to_owned(), false),
            (String::new(), false),
        ] {
            let value = HeaderValue::from_str(&header).unwrap();
            assert_eq!(id_of_traceparent(&value), valid.then_some(id), "{header}");
        }
    }
}
