//! What the auth center reports of users: a signed endpoint, typed events, caches that forget at once, and a sender.
//!
//! [`router`] is the endpoint, to be merged into an app. [`SignedBody`] and [`UserEvent`] are extractors for those who
//! route on their own, [`verify_signature`] the check alone. [`Sender`] delivers events as the auth center does, and
//! [`Subscription`] subscribes a service to them.
//!
//! # Signatures
//!
//! `X-Webhook-Signature` is lower-case hex of HMAC-SHA256 over the raw body, as the auth center signs. Where a request
//! has a `webhook-signature`, it is that of [Standard Webhooks](https://www.standardwebhooks.com) that decides: it covers
//! a `webhook-id` as well, by which deliveries are told apart, and a `webhook-timestamp`, which must be within 5 minutes
//! of this server's time. Both are checked over the bytes that came, before anything is parsed, and in constant time.
//!
//! # Replays
//!
//! An event that was handled is acknowledged when it comes again within 10 minutes, and not handled twice; one whose
//! handler failed is. Events are told apart by their `webhook-id`; without one, two events of the same bytes are the
//! same. A sender who may mean the same thing twice within 10 minutes should send ids, as [`Sender`] does.
//!
//! Each process remembers for itself: behind a load balancer an event may be handled once by each.

mod body;
mod config;
mod endpoint;
mod event;
mod extract;
mod handler;
mod proof;
mod rejection;
mod replays;
mod router;
mod sender;
mod signature;
mod subscription;

pub use config::WebhookConfig;
pub use event::{EVENTS, EventUser, UserEvent};
pub use extract::SignedBody;
pub use handler::{Handler, HandlerError};
pub use rejection::WebhookRejection;
pub use router::router;
pub use sender::{Delivery, Sender, SenderBuilder, Undelivered, UndeliveredKind};
pub use signature::{sign, verify_signature};
pub use subscription::Subscription;
