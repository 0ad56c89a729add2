//! Carry the context into closures that run elsewhere.

use std::future::Future;

use super::current::{Entered, current};
use super::future::WithContext;
use super::request_context::RequestContext;

/// Takes the current context now, and runs the closure and its future in it later, wherever that is.
///
/// For what a framework calls in a task of its own, such as axum's `on_upgrade`. There,
/// [`in_current_context`](super::InContext::in_current_context) is too late: it takes the context of the place where it is
/// called, and inside the closure that is the new task, which has none. Without a current context, the closure runs as it
/// would without this.
///
/// ```
/// use aigc_auth::context;
/// use axum::extract::ws::{WebSocket, WebSocketUpgrade};
/// use axum::response::Response;
///
/// async fn chat(upgrade: WebSocketUpgrade) -> Response {
///     // A closure has to name its argument's type; a function is passed as it is: `carry(talk)`.
///     upgrade.on_upgrade(context::carry(|socket: WebSocket| async move {
///         println!("a socket of {:?}", context::current_username());
///         talk(socket).await;
///     }))
/// }
///
/// async fn talk(socket: WebSocket) {}
/// ```
pub fn carry<F, A, Fut>(closure: F) -> impl FnOnce(A) -> WithContext<Fut>
where
    F: FnOnce(A) -> Fut,
    Fut: Future,
{
    let mut context = current();
    move |argument| {
        let future = {
            let _entered = Entered::new(&mut context);
            closure(argument)
        };
        WithContext::new(future, context)
    }
}

/// Takes the current context now, and runs the closure in it later, on whichever thread that is: for
/// `tokio::task::spawn_blocking`.
///
/// ```
/// use aigc_auth::UserInfo;
/// use aigc_auth::context::{self, InContext, RequestContext};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// async fn report() -> Option<String> {
///     // A driver that blocks, such as diesel or rusqlite.
///     tokio::task::spawn_blocking(context::carry_blocking(context::current_username)).await.unwrap()
/// }
///
/// let job = RequestContext::builder().user(UserInfo::builder(7, "alice").build()).build();
/// assert_eq!(report().in_context(job).await.as_deref(), Some("alice"));
/// # }
/// ```
pub fn carry_blocking<F, T>(closure: F) -> impl FnOnce() -> T
where
    F: FnOnce() -> T,
{
    let mut context = current();
    move || {
        let _entered = Entered::new(&mut context);
        closure()
    }
}

impl RequestContext {
    /// Runs a closure in this context, on this thread. What was current before is again afterwards, also after a panic.
    ///
    /// A future that the closure returns is not run in it: see [`InContext::in_context`](super::InContext::in_context).
    ///
    /// ```
    /// use aigc_auth::UserInfo;
    /// use aigc_auth::context::{self, RequestContext};
    ///
    /// let job = RequestContext::builder().user(UserInfo::builder(7, "alice").build()).build();
    /// assert_eq!(job.enter(context::current_username).as_deref(), Some("alice"));
    /// assert!(context::current().is_none());
    /// ```
    pub fn enter<T>(&self, run: impl FnOnce() -> T) -> T {
        let mut context = Some(self.clone());
        let _entered = Entered::new(&mut context);
        run()
    }
}
