//! The context of the task that is being polled.

use std::cell::RefCell;
use std::mem;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use axum::response::Response;

use super::recorder::Recorder;
use super::request_context::RequestContext;
use crate::ports::usage::ApiRecord;
#[cfg(feature = "tonic")]
use crate::request::refusals::Wording;
use crate::request::refusals::{Grpc, Head, RefusalSettings};
use crate::types::credential::Credential;
use crate::types::error::AuthError;
use crate::types::service::ServiceIdentity;
use crate::types::tenant::Tenant;
use crate::types::user::{UserId, UserInfo};

thread_local! {
    static CURRENT: RefCell<Option<RequestContext>> = const { RefCell::new(None) };
}

/// Makes a context the current one until dropped, also through a panic. `None` changes nothing.
///
/// Not `tokio::task_local!`: a layer calls its inner service and later polls its future, both inside the context, and
/// a swap of one pointer each time costs neither a copy nor a count.
pub(crate) struct Entered<'a>(Option<&'a mut Option<RequestContext>>);

impl<'a> Entered<'a> {
    pub(crate) fn new(context: &'a mut Option<RequestContext>) -> Self {
        if context.is_none() {
            return Self(None);
        }
        swap(context);
        Self(Some(context))
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if let Some(outer) = self.0.as_deref_mut() {
            swap(outer);
        }
    }
}

fn swap(context: &mut Option<RequestContext>) {
    // Fails only during the destruction of the thread, when no task is polled any more.
    let _ = CURRENT.try_with(|current| mem::swap(&mut *current.borrow_mut(), context));
}

fn read<T>(from: impl FnOnce(&RequestContext) -> Option<T>) -> Option<T> {
    CURRENT.try_with(|current| current.borrow().as_ref().and_then(from)).ok().flatten()
}

/// The whole context of the current request.
pub fn current() -> Option<RequestContext> {
    read(|context| Some(context.clone()))
}

/// The user that the current request is for: see [`RequestContext::user`].
pub fn current_user() -> Option<UserInfo> {
    read(|context| context.user().cloned())
}

/// The id of the current user.
pub fn current_user_id() -> Option<UserId> {
    read(|context| context.user_id().cloned())
}

/// The verified user of the current request: the admin, while an admin acts as the current user.
pub fn actor() -> Option<UserInfo> {
    read(|context| context.actor().cloned())
}

/// The service that made the current request: see [`RequestContext::service`].
pub fn service() -> Option<ServiceIdentity> {
    read(RequestContext::service)
}

/// The login name of the current user.
pub fn current_username() -> Option<String> {
    read(|context| Some(context.user()?.username().to_owned()))
}

/// Whether there is a current user who is an admin.
pub fn is_current_user_admin() -> bool {
    read(|context| Some(context.user()?.is_admin())).unwrap_or(false)
}

/// [`RequestContext::client_ip`] of the current request.
pub fn client_ip() -> Option<IpAddr> {
    read(RequestContext::client_ip)
}

/// [`RequestContext::user_agent`] of the current request.
pub fn user_agent() -> Option<String> {
    read(|context| Some(context.user_agent()?.to_owned()))
}

/// [`RequestContext::request_id`] of the current request.
pub fn request_id() -> Option<String> {
    read(|context| Some(context.request_id()?.to_owned()))
}

/// [`RequestContext::trace_id`] of the current request.
pub fn trace_id() -> Option<String> {
    read(|context| Some(context.trace_id()?.to_owned()))
}

/// [`RequestContext::tenant`] of the current request.
pub fn tenant() -> Option<Tenant> {
    read(RequestContext::tenant)
}

/// The credential that the current request was verified by, to call other services on the user's behalf.
///
/// It is the real one: send it only to services you trust.
pub fn credential() -> Option<Credential> {
    read(|context| context.credential().cloned())
}

/// When the credential of the current request ends: see [`RequestContext::valid_until`].
pub fn valid_until() -> Option<SystemTime> {
    read(RequestContext::valid_until)
}

/// The id that this service has at the auth center.
pub fn app_id() -> Option<Arc<str>> {
    read(|context| context.settings()?.app_id.clone())
}

/// The recorder of the current request, to record further calls; `None` if the layer has none ([`AuthLayer::with_stats`](crate::AuthLayer::with_stats)).
pub fn stats() -> Option<Recorder> {
    read(|context| context.recorder().cloned())
}

/// Whether a request for another user may go no further than to `ActAsUser`, which has not granted it yet.
pub(crate) fn refuses_act_as_elsewhere() -> bool {
    read(|context| Some(context.refuses_act_as_elsewhere())).unwrap_or(false)
}

/// How the layer of the current request words its refusals.
#[cfg(feature = "tonic")]
pub(crate) fn wording() -> Wording {
    read(RequestContext::wording).unwrap_or_default()
}

/// Answers an error as the layer of the current request does; without one, with the JSON envelope. The request is what the
/// context knows of it, unless it is here.
pub(crate) fn refuse(error: &AuthError, request: Option<(Head<'_>, Option<Grpc>)>) -> Response {
    match current() {
        Some(context) => context.refuse(error, request),
        None => {
            let grpc = request.and_then(|(_, grpc)| grpc);
            RefusalSettings::default().respond(error, || request.map(|(head, _)| head), grpc, None, false)
        }
    }
}

/// Notes an error that is answered in another way, in the log and to the observer of the current request's layer.
#[cfg(feature = "tonic")]
pub(crate) fn note_refusal(error: &AuthError) {
    match current() {
        Some(context) => context.note_refusal(error),
        None => RefusalSettings::default().note(error, None),
    }
}

impl Recorder {
    /// Records a call. A record without a credential gets that of the current request.
    pub fn record(&self, record: ApiRecord) {
        self.0.record(Box::new(with_credential(record)));
    }
}

/// Adds the credential of the current request to a record that has none, and whose data the request is about. Not that of a
/// service: it has no user to bill, and its token is for this service alone.
pub(crate) fn with_credential(record: ApiRecord) -> ApiRecord {
    match (record.has_credential(), credential().filter(|_| service().is_none())) {
        (false, Some(credential)) => {
            record.credential(credential).of_user(actor().as_ref()).of_tenant(tenant())
        }
        _ => record,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_nest_and_survive_a_panic() {
        let named = |name: &str| Some(RequestContext::builder().user(UserInfo::builder(1, name)).build());
        let (mut outer, mut inner) = (named("outer"), named("inner"));
        assert_eq!(current_username(), None);
        {
            let _outer = Entered::new(&mut outer);
            assert_eq!(current_username().as_deref(), Some("outer"));
            let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let _inner = Entered::new(&mut inner);
                assert_eq!(current_username().as_deref(), Some("inner"));
                panic!("in a handler");
            }));
            assert!(panicked.is_err());
            assert_eq!(current_username().as_deref(), Some("outer"));
        }
        assert_eq!(current_username(), None);
        assert!(outer.is_some() && inner.is_some());
    }
}
