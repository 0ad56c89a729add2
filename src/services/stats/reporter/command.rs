use tokio::sync::oneshot;
use tokio::time::Instant;

/// A command from the collector to its reporter.
pub(crate) enum Command {
    /// Send all records made before this, and confirm when their batches are settled.
    Flush(oneshot::Sender<()>),
    /// Send the remaining records until the deadline, if there is one, then stop and confirm.
    Shutdown(Option<Instant>, oneshot::Sender<()>),
}
