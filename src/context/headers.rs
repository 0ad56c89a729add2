use http::header::{AUTHORIZATION, HeaderMap, HeaderValue, USER_AGENT};

/// The headers that a request is judged and known by, found in one pass: that costs less than eight look-ups, most of
/// which would fail.
#[derive(Default)]
pub(crate) struct Headers<'a> {
    pub(crate) authorization: Authorization<'a>,
    pub(super) forwarded_for: Option<&'a HeaderValue>,
    pub(super) forwarded_proto: Option<&'a HeaderValue>,
    pub(super) real_ip: Option<&'a HeaderValue>,
    pub(super) request_id: Option<&'a HeaderValue>,
    pub(super) trace_id: Option<&'a HeaderValue>,
    pub(super) traceparent: Option<&'a HeaderValue>,
    pub(super) user_agent: Option<&'a HeaderValue>,
}

/// The `Authorization` headers of a request.
#[derive(Clone, Copy, Default)]
pub(crate) enum Authorization<'a> {
    #[default]
    None,
    One(&'a HeaderValue),
    Several,
}

impl<'a> Headers<'a> {
    pub(crate) fn read(headers: &'a HeaderMap) -> Self {
        let mut found = Self::default();
        for (name, value) in headers {
            if name == AUTHORIZATION {
                found.authorization = match found.authorization {
                    Authorization::None => Authorization::One(value),
                    _ => Authorization::Several,
                };
                continue;
            }
            if name == USER_AGENT {
                found.user_agent = Some(value);
                continue;
            }
            let slot = match name.as_str() {
                "x-forwarded-for" => &mut found.forwarded_for,
                "x-forwarded-proto" => &mut found.forwarded_proto,
                "x-real-ip" => &mut found.real_ip,
                "x-request-id" => &mut found.request_id,
                "x-trace-id" => &mut found.trace_id,
                "traceparent" => &mut found.traceparent,
                _ => continue,
            };
            *slot = Some(value);
        }
        found
    }
}
