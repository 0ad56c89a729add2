//! Ids that callers send to find their requests again.

use http::HeaderValue;

use super::request_context::RequestContext;

/// The trace that a request belongs to, as the caller has sent it.
#[cfg(feature = "client")]
pub(crate) struct Trace {
    /// The `traceparent`, which is valid.
    pub(crate) parent: HeaderValue,
    pub(crate) state: Option<HeaderValue>,
}

impl RequestContext {
    /// The `X-Request-ID` header: at most 128 visible characters, otherwise `None`.
    pub fn request_id(&self) -> Option<&str> {
        id(self.passed_on()?.request_id.as_ref()?)
    }

    /// The `X-Trace-ID` header (at most 128 visible characters), else the trace id of a W3C `traceparent`.
    pub fn trace_id(&self) -> Option<&str> {
        let headers = self.passed_on()?;
        let own = headers.trace_id.as_ref().and_then(id);
        own.or_else(|| id_of_traceparent(headers.traceparent.as_ref()?))
    }

    /// The trace that the caller has sent, if it is valid.
    #[cfg(feature = "client")]
    pub(crate) fn trace(&self) -> Option<Trace> {
        let headers = self.passed_on()?;
        let parent = headers.traceparent.as_ref()?;
        id_of_traceparent(parent)?;
        let state = headers.tracestate.as_deref().filter(|state| is_state(state));
        Some(Trace { parent: parent.clone(), state: state.cloned() })
    }
}

/// From this length on a `tracestate` is not passed on, in bytes; W3C Trace Context section 3.3.1.5 wants 512 at least.
#[cfg(feature = "client")]
const MAX_STATE_LEN: usize = 1024;

/// W3C Trace Context section 3.3.1: up to 32 members, of visible characters.
#[cfg(feature = "client")]
fn is_state(value: &HeaderValue) -> bool {
    let is_list = |text: &str| text.contains('=') && text.split(',').count() <= 32;
    value.len() < MAX_STATE_LEN && value.to_str().is_ok_and(is_list)
}

/// Longest id that is passed on, in bytes.
const MAX_ID_LEN: usize = 128;

fn id(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok().filter(|id| !id.is_empty() && id.len() <= MAX_ID_LEN)
}

/// W3C Trace Context section 3.2: `version-traceid-parentid-flags`, lower-case hex, later versions may append fields.
fn id_of_traceparent(value: &HeaderValue) -> Option<&str> {
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

    #[cfg(feature = "client")]
    #[test]
    fn states() {
        let members = |count: usize| vec!["a=1"; count].join(",");
        for (value, valid) in [
            ("rojo=00f067aa0ba902b7, congo=t61rcWkgMzE", true),
            ("a=", true),
            (&*members(32), true),
            (&members(33), false),
            (&format!("a={}", "x".repeat(1021)), true),
            (&format!("a={}", "x".repeat(1022)), false),
            ("", false),
            ("rojo", false),
            ("rojo=\u{e9}", false),
        ] {
            assert_eq!(is_state(&HeaderValue::from_str(value).unwrap()), valid, "{value}");
        }
    }

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
