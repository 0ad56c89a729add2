//! Be told what happens: lookups, refusals, circuit breakers, usage records, webhooks, for metrics and alerts.
//!
//! Give one [`Observer`] to the client, and everything that is built from it tells it. The guide
//! [`observability`](crate::_guide::observability) has a table of the events.

mod act_as;
mod breaker;
mod call;
mod cluster;
mod event;
mod lookup;
mod observer_port;
mod refused;
mod registry;
mod snapshot;
mod usage;
mod user_sync;
mod watch;
mod webhook;

pub use crate::types::credential_seen::CredentialSeen;
pub use act_as::ActAs;
pub use breaker::{Breaker, BreakerState};
pub use call::{Call, CallOutcome};
pub use cluster::{ClusterChange, ClusterTraffic};
pub use event::Event;
pub use lookup::{LookedUp, Lookup, LookupAnswer, Refresh, VerifierKind};
pub use observer_port::Observer;
pub use refused::{Refused, RefusedBy};
pub use registry::{Registry, RegistryChange};
pub use snapshot::Snapshot;
pub use usage::{DropReason, Usage, UsageOutcome};
pub use user_sync::{SyncedUsers, UserSyncOutcome};
pub(crate) use watch::Watch;
pub use webhook::{Webhook, WebhookOutcome};
