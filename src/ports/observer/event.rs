use super::act_as::ActAs;
use super::breaker::Breaker;
use super::call::Call;
use super::cluster::ClusterTraffic;
use super::lookup::{Lookup, Refresh};
use super::refused::Refused;
use super::registry::Registry;
use super::usage::Usage;
use super::user_sync::SyncedUsers;
use super::webhook::Webhook;

/// What an [`Observer`](super::Observer) is told.
///
/// Plain data, without tokens, keys and secrets. The ids of users are only in [`ActAs`], for the sake of an audit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A credential was verified or not, or another user was looked up: once for each caller.
    Lookup(Lookup),
    /// A cached user was looked up anew in the background.
    Refresh(Refresh),
    /// A call has ended, or was not made.
    Call(Call),
    /// A circuit breaker has changed.
    Breaker(Breaker),
    /// A request was refused.
    Refused(Refused),
    /// A user tried to act as another.
    ActAs(ActAs),
    /// Something became of usage records.
    Usage(Usage),
    /// A webhook was answered.
    Webhook(Webhook),
    /// A user of the legacy system was synchronized, or users were pushed.
    UserSync(SyncedUsers),
    /// The registration of the service has changed.
    Registry(Registry),
    /// Invalidations went to other replicas or came from them.
    Cluster(ClusterTraffic),
}
