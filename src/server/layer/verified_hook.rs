use std::future::Future;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use crate::types::user::UserInfo;
use crate::util::boxed::BoxFuture;

/// A function of the service that runs once per fresh verification.
#[derive(Clone)]
pub(super) struct VerifiedHook(Arc<Run>);

type Run = dyn Fn(UserInfo) -> BoxFuture<'static, ()> + Send + Sync;

impl VerifiedHook {
    /// How long a request waits for its hook.
    const TIMEOUT: Duration = Duration::from_secs(5);

    pub(super) fn new<F, Fut>(hook: F) -> Self
    where
        F: Fn(UserInfo) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self(Arc::new(move |user| Box::pin(hook(user))))
    }

    pub(super) async fn run(&self, user: &UserInfo) {
        let interrupted = Interrupted(user);
        if tokio::time::timeout(Self::TIMEOUT, (self.0)(user.clone())).await.is_err() {
            tracing::warn!(user_id = %user.id(), "on_verified hook timed out after 5 s and was dropped");
        }
        mem::forget(interrupted);
    }
}

/// Dropped when the client disconnects while the hook runs: the next request then runs it. Not after a panic, since a
/// hook that always panics would lock its user out.
struct Interrupted<'a>(&'a UserInfo);

impl Drop for Interrupted<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.0.restore_fresh();
        }
    }
}
