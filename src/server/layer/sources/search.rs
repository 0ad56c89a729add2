use std::sync::Arc;

use http::HeaderValue;
use http::header::{COOKIE, HeaderName, SEC_WEBSOCKET_PROTOCOL};

use super::cookie;
use super::handshake::{accepts_event_stream, is_websocket};
use super::removed::{self, Removed};
use super::sent::{Sent, Value};
use super::source::{CredentialSource, Kind, Requests};
use crate::request::context::{self, RequestContext, Settings};
use crate::types::credential_seen::CredentialSeen;

/// The sources of a layer, if it has others than `Authorization`.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    /// Whether `Authorization` is one of them.
    pub(crate) authorization: bool,
    /// Whether the credential may stand among a WebSocket's protocols.
    pub(super) protocol: bool,
    /// Whether there are query parameters among them.
    query: bool,
    /// Those that are not `Authorization`.
    pub(super) others: Vec<CredentialSource>,
}

impl Sources {
    /// `None` for `Authorization` alone.
    #[track_caller]
    pub(crate) fn new(sources: impl IntoIterator<Item = CredentialSource>) -> Option<Self> {
        let mut others = Vec::<CredentialSource>::new();
        for source in sources {
            if let Some(twice) = others.iter().find(|earlier| earlier.is_same_place(&source)) {
                panic!("credentials_from has {twice} twice");
            }
            others.push(source);
        }
        assert!(
            !others.is_empty(),
            "credentials_from needs at least one source: without any, nobody could sign in"
        );
        let all = others.len();
        others.retain(|source| source.0 != Kind::Authorization);
        let authorization = others.len() < all;
        let protocol = others.iter().any(|source| source.0 == Kind::WebSocketProtocol);
        let query = others.iter().any(|source| matches!(source.0, Kind::Query(..)));
        (!(authorization && others.is_empty())).then_some(Self { authorization, protocol, query, others })
    }

    /// The sources that are not `Authorization`.
    #[cfg(feature = "utoipa")]
    pub(crate) fn others(&self) -> &[CredentialSource] {
        &self.others
    }

    /// Whether a request may have something in another source than `Authorization`. Most have not, and only this pass is made
    /// for them: a lookup for each of the headers would cost more.
    pub(crate) fn concern<B>(&self, request: &http::Request<B>) -> bool {
        let mut concerns = !self.authorization;
        for name in request.headers().keys() {
            // The names that `http` knows compare as one byte.
            concerns |= *name == COOKIE
                || *name == SEC_WEBSOCKET_PROTOCOL
                || self.others.iter().any(|source| matches!(&source.0, Kind::Header(known) if known == name));
        }
        concerns
            || (self.query && removed::has_query(request))
            || request.extensions().get::<Removed>().is_some()
    }

    /// Removes from the request what nothing inside may see.
    pub(crate) fn remove<B>(&self, request: &mut http::Request<B>) {
        removed::remove(request, self.protocol, self.query, |name| {
            self.others.iter().any(|source| matches!(&source.0, Kind::Query(known, _) if **known == *name))
        });
    }

    /// Returns the first source other than `Authorization` where a request has something.
    #[cold]
    pub(crate) fn seen<B>(&self, request: &http::Request<B>) -> Option<CredentialSeen> {
        let removed = request.extensions().get::<Removed>();
        self.others.iter().find_map(|source| {
            let (value, seen) = match &source.0 {
                Kind::Authorization => return None,
                Kind::WebSocketProtocol => {
                    (removed.map_or(Value::Nothing, Removed::protocol), CredentialSeen::WebSocketProtocol)
                }
                Kind::Header(name) => (header(request, name), CredentialSeen::Header),
                Kind::Cookie(name, _) => (cookie::find(request.headers(), name), CredentialSeen::Cookie),
                Kind::Query(name, _) => {
                    (removed.map_or(Value::Nothing, |removed| removed.query(name)), CredentialSeen::Query)
                }
            };
            (!matches!(value, Value::Nothing)).then_some(seen)
        })
    }

    /// Finds the credential that does not stand in `Authorization`. What was removed is known.
    pub(crate) fn find<B>(
        &self,
        request: &http::Request<B>,
        parts: context::Request<'_>,
        settings: &Arc<Settings>,
        max_len: usize,
    ) -> Sent<'_> {
        let removed = request.extensions().get::<Removed>();
        let mut sent = Sent::Nothing(None);
        for source in &self.others {
            let value = match &source.0 {
                Kind::Authorization => continue,
                Kind::WebSocketProtocol => removed.map_or(Value::Nothing, Removed::protocol),
                Kind::Header(name) => header(request, name),
                Kind::Cookie(name, policy) => match cookie::find(request.headers(), name) {
                    Value::Nothing => continue,
                    value => {
                        // Read only where a browser does not say it otherwise.
                        let scheme = || RequestContext::new(&parts, settings, None, None).scheme();
                        match policy.admit(request, scheme) {
                            Ok(()) => value,
                            Err(why) => Value::Ignored(why),
                        }
                    }
                },
                Kind::Query(name, requests) => {
                    match removed.map_or(Value::Nothing, |removed| removed.query(name)) {
                        Value::Nothing => continue,
                        value if *requests == Requests::All || is_websocket(request) => value,
                        value if accepts_event_stream(request.headers()) => value,
                        _ => Value::Ignored(
                            "the request is no WebSocket handshake and does not accept `text/event-stream`",
                        ),
                    }
                }
            };
            sent = sent.and(value, source, max_len);
        }
        sent
    }
}

fn header<'a, B>(request: &'a http::Request<B>, name: &HeaderName) -> Value<'a> {
    let mut lines = request.headers().get_all(name).iter().map(HeaderValue::as_bytes);
    match (lines.next(), lines.next()) {
        (None, _) => Value::Nothing,
        (Some(_), Some(_)) => Value::Malformed("is there more than once"),
        (Some(line), None) if line.trim_ascii().is_empty() => Value::Nothing,
        (Some(line), None) => Value::Credential(line.into()),
    }
}
