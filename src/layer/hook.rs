use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::user::UserInfo;

/// What is run once per fresh verification.
#[derive(Clone)]
pub(super) struct Hook(Arc<Run>);

type Run = dyn Fn(UserInfo) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

impl Hook {
    /// A request waits no longer for its hook.
    const DEADLINE: Duration = Duration::from_secs(5);

    pub(super) fn new<F, Fut>(hook: F) -> Self
    where
        F: Fn(UserInfo) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self(Arc::new(move |user| Box::pin(hook(user))))
    }

    pub(super) async fn run(&self, user: &UserInfo) {
        let interrupted = Interrupted(user);
        if tokio::time::timeout(Self::DEADLINE, (self.0)(user.clone())).await.is_err() {
            tracing::warn!(user_id = %user.id, "the on_verified hook took over 5 s and was dropped");
        }
        mem::forget(interrupted);
    }
}

/// Dropped when the request goes away in the middle: the next one then runs the hook. After a panic nobody does, lest a
/// hook that always panics refuse its user for ever.
struct Interrupted<'a>(&'a UserInfo);

impl Drop for Interrupted<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.0.unannounce();
        }
    }
}
