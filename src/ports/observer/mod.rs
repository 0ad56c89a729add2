//! What happens inside the crate, told to one observer of the app.

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

pub use act_as::ActAs;
pub use breaker::{Breaker, BreakerState};
pub use call::{Call, CallOutcome};
pub use cluster::{Cluster, ClusterChange};
pub use event::Event;
pub use lookup::{LookedUp, Lookup, LookupAnswer, Refresh, VerifierKind};
pub use observer_port::Observer;
pub use refused::{Refused, RefusedBy};
pub use registry::{Registry, RegistryChange};
pub use snapshot::Snapshot;
pub use usage::{DropReason, Usage, UsageOutcome};
pub use user_sync::{UserSync, UserSyncOutcome};
pub(crate) use watch::Watch;
pub use webhook::{Webhook, WebhookOutcome};
