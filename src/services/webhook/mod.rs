//! Receive and send the auth center's user events: a signed endpoint, typed events, cache invalidation, and a sender.
//!
//! [`router`] is the endpoint, to be merged into an app. [`SignedBody`] and [`UserEvent`] are extractors for routes of
//! your own; [`verify_signature`] is the check alone. [`Sender`] delivers events as the auth center does, and
//! [`Subscription`] subscribes a service to them.
//!
//! # Signatures
//!
//! `X-Webhook-Signature` is lower-case hex of HMAC-SHA256 over the raw body, as the auth center signs. If a request has
//! a `webhook-signature`, that one decides. It follows [Standard Webhooks](https://www.standardwebhooks.com), and also
//! covers a `webhook-id`, which identifies the delivery, and a `webhook-timestamp`, which must be within 5 minutes of
//! this server's time. Both signatures are verified in constant time over the raw bytes, before anything is parsed.
//!
//! # Replays
//!
//! A repeated event is acknowledged without being handled again, for 10 minutes after it was handled. An event whose
//! handler failed is handled again. Events are identified by their `webhook-id`; without one, by their bytes, so that
//! two identical events count as one. A sender that may send identical events within 10 minutes should send ids, as
//! [`Sender`] does.
//!
//! Each process has its own replay cache: behind a load balancer, each process may handle an event once.

mod body;
mod clear_throttle;
mod config;
mod endpoint;
mod event;
mod extract;
mod handler;
mod rejection;
mod replay_cache;
mod router;
mod sender;
mod signature;
mod signing_key;
mod subscription;
mod verification;

pub use config::WebhookConfig;
pub use event::{EVENTS, EventUser, UserEvent};
pub use extract::SignedBody;
pub use handler::{Handler, HandlerError};
pub use rejection::WebhookRejection;
pub use router::router;
pub use sender::{Delivery, DeliveryError, DeliveryErrorKind, Sender, SenderBuilder};
pub use signature::{sign, verify_signature};
pub use subscription::Subscription;
