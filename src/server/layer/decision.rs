//! Decide whether a request passes: plain functions that the service calls.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::response::Response;
use http::Method;
use http::header::HeaderMap;

use super::after_verification::AfterVerification;
use super::excluded_paths::ExcludedPaths;
use super::found_credential::{in_any_source, in_authorization};
use super::preflight::{PreflightWarnings, is_preflight};
use super::sources::search::Sources;
use super::sources::sent::Sent;
use super::usage::Recording;
use crate::ports::verify::Verifiers;
use crate::request::auth_state::{self, Unauthenticated};
use crate::request::context::{self, Authorization, Headers, InContext, Request, RequestContext, Settings};
use crate::request::refusals::{Grpc, Head, RequestHead, recorded_status};
use crate::types::credential::Credential;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::UserInfo;
use crate::util::boxed::BoxFuture;

/// The configuration of a layer.
#[derive(Clone)]
pub(super) struct AuthConfig {
    pub(super) verifiers: Verifiers,
    /// `None` for `Authorization` alone.
    pub(super) sources: Option<Arc<Sources>>,
    pub(super) max_credential_len: usize,
    pub(super) excluded_paths: ExcludedPaths,
    pub(super) allow_anonymous: bool,
    pub(super) allow_preflight: bool,
    pub(super) after: AfterVerification,
    pub(super) preflights: PreflightWarnings,
    pub(super) verify_timeout: Duration,
    /// Whether a recording lasts until the end of the response body.
    pub(super) time_bodies: bool,
    pub(super) settings: Arc<Settings>,
}

/// What the service does with a request.
pub(super) enum Decision {
    /// Call the inner service in this context, and keep the head for as long.
    Pass(RequestContext, Option<Recording>, Option<Arc<RequestHead>>),
    /// Respond with an error, in the way of gRPC if it is a call of that.
    Reject(AuthError, Option<Recording>, Option<Grpc>),
    /// Wait for the verification first.
    Verify(Verifying, Option<Recording>, Option<Arc<RequestHead>>),
}

/// What is known of a request's credential without waiting.
enum Presence {
    /// A verified user, from the verifier's cache.
    Verified(UserInfo, Credential),
    /// No valid credential, and the one to record, if it may be somebody's.
    Rejected(AuthError, Option<Credential>),
    /// A credential that the verifier has to look up.
    Unverified(Credential),
}

/// A verification in flight.
pub(super) type Verifying = BoxFuture<'static, Verification>;

/// The outcome of a verification, to be applied to the request by [`AuthConfig::settle`].
pub(super) struct Verification {
    result: Result<UserInfo, AuthError>,
    credential: Credential,
    context: RequestContext,
}

impl AuthConfig {
    pub(super) fn decide<B>(self: &Arc<Self>, request: &mut http::Request<B>) -> Decision {
        // Read only for a recorder: the clock costs as much as the rest of the decision.
        let started = self.settings.recorder.as_ref().map(|_| Instant::now());
        let others = self.sources.as_deref().filter(|sources| sources.concern(request));
        if let Some(sources) = others {
            sources.remove(request);
        }
        let kept;
        let mut fields = request.headers();
        let mut headers = Headers::read(fields);
        if headers.is_large {
            kept = context::detach(request);
            fields = &kept;
            headers = Headers::read_kept(fields);
        }
        let head = self.settings.refusals.capture(request);
        let seen = parts(request, &headers, head.as_ref(), started.is_some());
        if self.is_excluded(request.method(), request.headers(), seen) {
            // A user that an outer layer verified stays in the extensions, and so in the context.
            let outer = auth_state::verified(seen.extensions).cloned();
            let credential = outer.as_ref().and_then(|_| context::credential());
            let context = self.context(&seen.unrecorded(), outer, credential);
            auth_state::set(request.extensions_mut(), Err(Unauthenticated::Excluded));
            return Decision::Pass(context, None, head);
        }
        let record = |context: &RequestContext, credential| {
            started.map(|started| Recording::start(started, fields, seen, context.clone(), credential))
        };
        let presence = match (others, headers.authorization) {
            (None, Authorization::None) => Presence::Rejected(ErrorKind::MissingCredential.into(), None),
            (None, authorization) => self.try_verify(authorization),
            (Some(sources), authorization) => {
                let sent = sources.find(request, seen, &self.settings, self.max_credential_len);
                self.try_verify_any(sources, sent, authorization)
            }
        };
        match presence {
            Presence::Verified(user, credential) if self.after.needs_hook(&user) => {
                let (config, context) = (self.clone(), self.context(&seen, None, None));
                let recording = record(&context, Some(credential.clone()));
                let verifying = Box::pin(async move { config.run_hook(user, credential, context).await });
                Decision::Verify(verifying, recording, head)
            }
            Presence::Verified(user, credential) => {
                let context = self.context(&seen, Some(user.clone()), Some(credential));
                let recording = record(&context, None);
                auth_state::set(request.extensions_mut(), Ok(user));
                Decision::Pass(context, recording, head)
            }
            Presence::Rejected(error, credential) if self.allow_anonymous => {
                tracing::debug!(%error, "request passes as anonymous");
                // Without a credential, a record cannot be billed.
                let seen = if credential.is_some() { seen } else { seen.unrecorded() };
                let context = self.context(&seen, None, None);
                let recording = credential.and_then(|credential| record(&context, Some(credential)));
                self.reject_later(error, request);
                Decision::Pass(context, recording, head)
            }
            Presence::Rejected(error, credential) => {
                let error = self.preflights.explain(error, request.method(), request.headers());
                let credential = credential.filter(|_| started.is_some());
                let recording = credential
                    .and_then(|credential| record(&self.context(&seen, None, None), Some(credential)));
                Decision::Reject(error, recording, headers.grpc(request.method()))
            }
            Presence::Unverified(credential) => {
                // A lookup outlives a client that disconnects. Even if its head is small, the buffer may not be: it
                // is reused for later heads of the connection.
                let (credential, kept) = (credential.detached(), context::detach(request));
                let headers = Headers::read_kept(&kept);
                let seen = parts(request, &headers, head.as_ref(), started.is_some());
                let (config, context) = (self.clone(), self.context(&seen, None, None));
                let recording = started.map(|started| {
                    let credential = Some(credential.clone());
                    Recording::start(started, &kept, seen, context.clone(), credential)
                });
                let verifying = Box::pin(async move { config.verify(credential, context).await });
                Decision::Verify(verifying, recording, head)
            }
        }
    }

    /// Reads the credential in `Authorization`, and tries the verifier's cache.
    #[inline(never)]
    fn try_verify(&self, authorization: Authorization<'_>) -> Presence {
        match in_authorization(authorization, self.max_credential_len) {
            Ok(credential) => self.try_cache(credential),
            Err(error) => Presence::Rejected(error, None),
        }
    }

    /// The same for a request that may have a credential elsewhere: `sent` is what stands there.
    #[inline(never)]
    fn try_verify_any(
        &self,
        sources: &Sources,
        sent: Sent<'_>,
        authorization: Authorization<'_>,
    ) -> Presence {
        match in_any_source(sources, sent, authorization, self.max_credential_len) {
            Ok(credential) => self.try_cache(credential),
            Err(error) => Presence::Rejected(error, None),
        }
    }

    // A call would copy the credential.
    #[inline(always)]
    fn try_cache(&self, credential: Credential) -> Presence {
        match self.verifiers.try_verify(&credential) {
            Some(Ok(user)) => Presence::Verified(user, credential),
            Some(Err(error)) => {
                // Nobody can be billed for an invalid credential; any other may be somebody's.
                let is_invalid = matches!(error.kind(), ErrorKind::InvalidCredential | ErrorKind::Expired);
                Presence::Rejected(error, (!is_invalid).then_some(credential))
            }
            None => match credential.check() {
                Ok(()) => Presence::Unverified(credential),
                // Malformed: not worth a lookup.
                Err(error) => Presence::Rejected(error, None),
            },
        }
    }

    /// Applies the outcome of a verification to the request.
    pub(super) fn settle<B>(
        &self,
        request: &mut http::Request<B>,
        verification: Verification,
        mut recording: Option<Recording>,
        head: Option<Arc<RequestHead>>,
    ) -> Decision {
        let Verification { result, credential, context } = verification;
        match result {
            Ok(user) => {
                auth_state::set(request.extensions_mut(), Ok(user.clone()));
                let context = context.signed_in(user, credential);
                if let Some(recording) = &mut recording {
                    recording.set_context(&context);
                }
                Decision::Pass(context, recording, head)
            }
            Err(error) => {
                let recording = recording.and_then(|recording| recording.unless_invalid(&error));
                if !self.allow_anonymous {
                    return Decision::Reject(error, recording, context.grpc());
                }
                self.reject_later(error, request);
                Decision::Pass(context, recording, head)
            }
        }
    }

    /// Builds the response to an error, and records it.
    pub(super) fn reject<B>(
        &self,
        error: &AuthError,
        request: &http::Request<B>,
        recording: Option<Recording>,
        grpc: Option<Grpc>,
    ) -> Response {
        let response =
            self.settings.refusals.reject(error, || Head::of(request), grpc, || self.seen(request));
        if let Some(recording) = recording {
            recording.reject(error, recorded_status(&response));
        }
        response
    }

    fn context(
        &self,
        request: &Request<'_>,
        user: Option<UserInfo>,
        credential: Option<Credential>,
    ) -> RequestContext {
        RequestContext::new(request, &self.settings, user, credential)
    }

    async fn verify(self: Arc<Self>, credential: Credential, context: RequestContext) -> Verification {
        // In the context, so that the call to the auth center has this request's trace id.
        let verifying = self.verifiers.verify(credential.clone()).in_context(context.clone());
        let result = match tokio::time::timeout(self.verify_timeout, verifying).await {
            Ok(result) => result,
            Err(_) => Err(AuthError::new(ErrorKind::Unavailable)
                .with_detail("the verifier timed out (`verify_timeout`)")),
        };
        match result {
            Ok(user) if self.after.needs_hook(&user) => self.run_hook(user, credential, context).await,
            result => Verification { result, credential, context },
        }
    }

    async fn run_hook(
        self: Arc<Self>,
        user: UserInfo,
        credential: Credential,
        context: RequestContext,
    ) -> Verification {
        if let Some(hook) = self.after.hook() {
            let context = context.clone().signed_in(user.clone(), credential.clone());
            hook.run(&user).in_context(context).await;
        }
        Verification { result: Ok(user), credential, context }
    }

    #[inline(always)]
    fn is_excluded(&self, method: &Method, headers: &HeaderMap, request: Request<'_>) -> bool {
        self.excluded_paths.contain(request) || (self.allow_preflight && is_preflight(method, headers))
    }
}

fn parts<'a, B>(
    request: &'a http::Request<B>,
    headers: &'a Headers<'a>,
    head: Option<&'a Arc<RequestHead>>,
    is_recorded: bool,
) -> Request<'a> {
    let (method, uri, version, extensions) =
        (request.method(), request.uri(), request.version(), request.extensions());
    Request { headers, method, uri, version, extensions, head, is_recorded }
}
