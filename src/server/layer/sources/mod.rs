//! Where else than in `Authorization` a credential may stand: for browsers, which cannot set headers on a WebSocket or an
//! `EventSource`, and for proxies that use a header of their own.

pub(super) mod choice;
mod cookie;
mod handshake;
mod origin;
mod origin_policy;
mod query;
mod removed;
#[cfg(feature = "utoipa")]
pub(super) mod scheme;
pub(super) mod search;
pub(super) mod sent;
mod source;
mod subprotocol;

pub use source::CredentialSource;
