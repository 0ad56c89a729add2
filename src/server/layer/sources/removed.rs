use std::borrow::Cow;

use axum::extract::OriginalUri;
use percent_encoding::{percent_decode, percent_decode_str};

use super::handshake::is_websocket;
use super::sent::Value;
use super::{query, subprotocol};

/// What layers have removed from a request, in its extensions: another one inside reads the same sources.
#[derive(Clone, Default)]
pub(super) struct Removed {
    /// Names and values of query parameters.
    query: Vec<(Box<str>, Box<str>)>,
    /// The entries after `bearer` among a WebSocket's protocols.
    protocols: Vec<Box<[u8]>>,
}

/// Whether a request has a query, also where a router has replaced its URI.
pub(super) fn has_query<B>(request: &http::Request<B>) -> bool {
    let original = request.extensions().get().and_then(|OriginalUri(original)| original.query());
    request.uri().query().is_some() || original.is_some()
}

/// Removes from a request the query parameters that are meant and, from a WebSocket handshake, the protocols.
pub(super) fn remove<B>(
    request: &mut http::Request<B>,
    protocol: bool,
    query: bool,
    is_meant: impl Fn(&str) -> bool,
) {
    let mut parameters = Vec::new();
    if query {
        parameters = query::remove(request.uri_mut(), &is_meant);
        // The same ones, if there is an original at all.
        if let Some(OriginalUri(original)) = request.extensions_mut().get_mut() {
            query::remove(original, &is_meant);
        }
    }
    let protocols = if protocol
        && request.headers().contains_key(http::header::SEC_WEBSOCKET_PROTOCOL)
        && is_websocket(request)
    {
        subprotocol::remove(request.headers_mut())
    } else {
        Vec::new()
    };
    if parameters.is_empty() && protocols.is_empty() {
        return;
    }
    let removed = request.extensions_mut().get_or_insert_default::<Removed>();
    removed.query.extend(parameters);
    removed.protocols.extend(protocols);
}

impl Removed {
    /// Whether `bearer` was among a WebSocket's protocols.
    pub(super) fn has_protocol(&self) -> bool {
        !self.protocols.is_empty()
    }

    pub(super) fn protocol(&self) -> Value<'_> {
        match &*self.protocols {
            [] => Value::Nothing,
            [entry] if entry.is_empty() => Value::Malformed("is missing: `bearer` is the last one"),
            [entry] => Value::Credential(Cow::from(percent_decode(entry))),
            _ => Value::Malformed("is there more than once"),
        }
    }

    pub(super) fn query(&self, name: &str) -> Value<'_> {
        let mut values =
            self.query.iter().filter(|(its_name, _)| **its_name == *name).map(|(_, value)| &**value);
        match (values.next(), values.next()) {
            (None, _) | (Some(""), None) => Value::Nothing,
            (Some(_), Some(_)) => Value::Malformed("is there more than once"),
            (Some(value), None) => Value::Credential(Cow::from(percent_decode_str(value))),
        }
    }
}
