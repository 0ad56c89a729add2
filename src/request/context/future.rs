use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::current::{Entered, current};
use super::request_context::RequestContext;

/// Runs a future in a request's context: a method on every future.
///
/// ```
/// use aigc_auth::context::{self, InContext};
///
/// async fn handler() {
///     tokio::spawn(async { println!("on behalf of {:?}", context::current_username()) }.in_current_context());
/// }
/// ```
pub trait InContext: Future + Sized {
    /// Runs the future in the current context, for `tokio::spawn`, which starts without one.
    ///
    /// That is the context of the place where this is called. Inside a closure that a framework runs in a task of its own,
    /// such as axum's `on_upgrade`, there is none any more: use [`carry`](super::carry) there.
    fn in_current_context(self) -> WithContext<Self> {
        WithContext { future: self, context: current() }
    }

    /// Runs the future in this context, for jobs outside a request.
    fn in_context(self, context: RequestContext) -> WithContext<Self> {
        WithContext { future: self, context: Some(context) }
    }
}

impl<F: Future> InContext for F {}

pin_project! {
    /// A future that runs in a request's context; made by [`InContext`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct WithContext<F> {
        #[pin]
        future: F,
        context: Option<RequestContext>,
    }
}

impl<F> WithContext<F> {
    pub(super) fn new(future: F, context: Option<RequestContext>) -> Self {
        Self { future, context }
    }
}

impl<F: Future> Future for WithContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = Entered::new(this.context);
        this.future.poll(cx)
    }
}
