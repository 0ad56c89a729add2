//! What threads share: of std and tokio, or with `--cfg shuttle` of shuttle, which tries their orders (`tests/interleavings.sh`).

#[cfg(not(shuttle))]
pub(crate) use std::sync::{Mutex, MutexGuard, atomic};

#[cfg(shuttle)]
pub(crate) use shuttle::{
    future::AbortHandle,
    sync::{Mutex, MutexGuard, atomic},
};
#[cfg(not(shuttle))]
pub(crate) use tokio::{runtime::Handle, task::AbortHandle};

/// What spawns tasks.
#[cfg(shuttle)]
pub(crate) struct Handle;

#[cfg(shuttle)]
impl Handle {
    pub(crate) fn try_current() -> Result<Self, std::convert::Infallible> {
        Ok(Self)
    }

    pub(crate) fn spawn<F>(&self, future: F) -> shuttle::future::JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        shuttle::future::spawn(future)
    }
}
