//! The current request and its user, anywhere below the handler.
//!
//! [`AuthLayer`](crate::AuthLayer) sets the context for everything that runs in the request's task: handlers, what they
//! call, and the body they stream. A spawned task is another task; carry the context there with
//! [`InContext::in_current_context`], into a closure that runs elsewhere, such as that of a WebSocket, with [`carry`], and
//! into `spawn_blocking` with [`carry_blocking`]. A body that announces its exact size counts as complete, and is sent outside the
//! context; so is a body, a stream or a future that is dropped before its end.
//!
//! The functions here answer `None` where there is no request, and those about the user also where the request has
//! none: below [`allow_anonymous`](crate::AuthLayer::allow_anonymous), and on excluded paths.
//!
//! ```
//! use aigc_auth::{UserInfo, context::{self, InContext, RequestContext}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! async fn two_calls_deep() -> Option<String> {
//!     context::current_username()
//! }
//!
//! // A job outside any request sets it by hand.
//! let job = RequestContext::builder().user(UserInfo::builder(7, "alice").build()).trace_id("job-42").build();
//! let name = async { tokio::spawn(two_calls_deep().in_current_context()).await.unwrap() }.in_context(job).await;
//! assert_eq!(name.as_deref(), Some("alice"));
//! assert!(context::current_user().is_none());
//! # }
//! ```

mod body;
mod builder;
mod captured;
mod carry;
mod current;
mod future;
mod head;
mod headers;
mod recorded;
mod recorded_head;
mod recorder;
mod refuse;
mod request_context;
mod service;
mod settings;
mod tenant;
mod tenant_slot;
mod trace;

pub(crate) use body::{BodyInContext, BoxError, body_in_context, is_stream};
pub use builder::RequestContextBuilder;
pub use carry::{carry, carry_blocking};
#[cfg(feature = "stats")]
pub(crate) use current::with_credential;
pub(crate) use current::{Entered, refuse, refuses_act_as_elsewhere};
pub use current::{
    actor, app_id, client_ip, credential, current, current_user, current_user_id, current_username,
    is_current_user_admin, request_id, service, stats, tenant, trace_id, user_agent, valid_until,
};
#[cfg(feature = "tonic")]
pub(crate) use current::{note_refusal, wording};
pub use future::{InContext, WithContext};
pub(crate) use head::detach;
#[cfg(feature = "webhook")]
pub(crate) use head::detached;
pub(crate) use headers::{Authorization, Headers, is_match};
pub use recorder::Recorder;
pub(crate) use request_context::Request;
pub use request_context::RequestContext;

pub(crate) use settings::Settings;
pub(crate) use tenant_slot::ResolvedTenant;
