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
//! handler failed is handled again. Events are identified by their `webhook-id`. Without one, an event is a repetition if it
//! has the bytes of its user's latest event: a user who is disabled, enabled and disabled again has two events of the same
//! bytes, and both are handled. A copy of an event that is older than the user's latest is handled, too, so handlers should
//! be idempotent. [`delivery_id`] tells a handler what it is handling.
//!
//! Each process has its own [memory](InMemoryReplays) of replays: behind a load balancer, each process may handle an event
//! once. [`WebhookConfig::replay_memory`] shares one among them: with the feature `redis`, `RedisReplays`.

mod body;
mod clear_throttle;
mod config;
mod delivery_id;
mod endpoint;
mod event;
mod extract;
mod handler;
mod rejection;
mod replays;
mod router;
mod sender;
mod signature;
mod signing_key;
mod subscription;
mod verification;
mod watched;

pub use config::WebhookConfig;
pub use delivery_id::delivery_id;
pub use event::{EVENTS, EventUser, UserEvent};
pub use extract::SignedBody;
pub use handler::{Handler, HandlerError};
pub use rejection::WebhookRejection;
pub use replays::InMemoryReplays;
#[cfg(feature = "redis")]
pub use replays::RedisReplays;
pub use router::router;
pub use sender::{DeadLetter, Delivery, DeliveryError, DeliveryErrorKind, Sender, SenderBuilder};
pub use signature::{sign, verify_signature};
pub use subscription::{Subscription, SubscriptionBuilder};

pub use crate::ports::replay_memory::{ReplayMemory, ReplayMemoryError, ReplayTag};
pub use crate::request::delivery::allow_repetition;
