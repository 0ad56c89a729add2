//! What becomes of a request: plain functions, which the service is a thin shell around.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::OriginalUri;
use bytes::Bytes;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, ORIGIN};
use http::{Extensions, Method, Response, Uri};

use super::exclusions::Exclusions;
use super::hook::Hook;
use super::recording::Recording;
use crate::context::{self, Authorization, Headers, InContext, Request, RequestContext, Settings};
use crate::credential::{Credential, Presented};
use crate::error::{AuthError, ErrorKind};
use crate::identity::{self, NoUser};
use crate::user::UserInfo;
use crate::verify::Verifiers;

/// How a layer was configured.
#[derive(Clone)]
pub(super) struct Rules {
    pub(super) verifiers: Verifiers,
    pub(super) exclusions: Exclusions,
    pub(super) allow_anonymous: bool,
    pub(super) allow_preflight: bool,
    pub(super) hook: Option<Hook>,
    pub(super) verify_timeout: Duration,
    /// Whether the time that a body takes is part of a request's.
    pub(super) time_bodies: bool,
    pub(super) settings: Arc<Settings>,
}

/// What to do with a request now.
pub(super) enum Decision {
    /// Call the inner service in this context.
    Pass(RequestContext, Option<Recording>),
    /// Answer at once.
    Refuse(AuthError, Option<Recording>),
    /// It takes a while to tell.
    Ask(Asking, Option<Recording>),
}

/// What a look at the credential tells at once.
enum Found {
    User(UserInfo, Credential),
    Refusal(AuthError, Option<Credential>),
    /// Somebody has to be asked.
    Stranger(Credential),
}

/// Finds out who it is.
pub(super) type Asking = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// What was found out, to be applied to the request by [`Rules::settle`].
pub(super) struct Answer {
    verdict: Result<UserInfo, AuthError>,
    credential: Credential,
    context: RequestContext,
}

impl Rules {
    pub(super) fn decide<B>(self: &Arc<Self>, request: &mut http::Request<B>) -> Decision {
        // Only with a recorder: the clock costs as much as the rest of it.
        let started = self.settings.recorder.as_ref().map(|_| Instant::now());
        let headers = Headers::read(request.headers());
        let seen = Request {
            headers: &headers,
            uri: request.uri(),
            version: request.version(),
            extensions: request.extensions(),
        };
        if self.is_excluded(request.method(), request.headers(), seen) {
            // Whom an outer layer found stays in the extensions, so he has to stay in the context, too.
            let outer = seen.extensions.get::<UserInfo>().cloned();
            let credential = outer.as_ref().and_then(|_| context::token());
            let context = self.context(seen, outer, credential);
            identity::set(request.extensions_mut(), Err(NoUser::Excluded));
            return Decision::Pass(context, None);
        }
        let record = |context: &RequestContext, credential| {
            let (method, headers) = (request.method(), request.headers());
            started
                .map(|started| Recording::start(started, method, headers, seen, context.clone(), credential))
        };
        match self.look(headers.authorization) {
            Found::User(user, credential) if self.hook.is_some() && user.announce() => {
                let (rules, context) = (self.clone(), self.context(seen, None, None));
                let recording = record(&context, Some(credential.clone()));
                let asking = Box::pin(async move { rules.announce(user, credential, context).await });
                Decision::Ask(asking, recording)
            }
            Found::User(user, credential) => {
                let context = self.context(seen, Some(user.clone()), Some(credential));
                let recording = record(&context, None);
                identity::set(request.extensions_mut(), Ok(user));
                Decision::Pass(context, recording)
            }
            Found::Refusal(error, credential) if self.allow_anonymous => {
                let context = self.context(seen, None, None);
                // Nobody can be billed for a request without one.
                let recording = credential.and_then(|credential| record(&context, Some(credential)));
                identity::set(request.extensions_mut(), Err(NoUser::Refused(error)));
                Decision::Pass(context, recording)
            }
            Found::Refusal(error, credential) => {
                let credential = credential.filter(|_| started.is_some());
                let recording = credential
                    .and_then(|credential| record(&self.context(seen, None, None), Some(credential)));
                Decision::Refuse(error, recording)
            }
            Found::Stranger(credential) => {
                let (rules, context) = (self.clone(), self.context(seen, None, None));
                let recording = record(&context, Some(credential.clone()));
                let asking = Box::pin(async move { rules.verify(credential, context).await });
                Decision::Ask(asking, recording)
            }
        }
    }

    /// Finds out what can be told without waiting.
    fn look(&self, authorization: Authorization<'_>) -> Found {
        let presented = match authorization {
            Authorization::None => Presented::Nothing,
            Authorization::One(value) => Presented::in_value(value),
            // Which of them a proxy before us believed cannot be known.
            Authorization::Several => Presented::Malformed("more than one Authorization header"),
        };
        let credential = match presented {
            Presented::Nothing => return Found::Refusal(ErrorKind::MissingCredential.into(), None),
            Presented::Malformed(why) => {
                let error = AuthError::new(ErrorKind::InvalidCredential).with_detail(why);
                return Found::Refusal(error, None);
            }
            Presented::Credential(credential) => credential,
        };
        match self.verifiers.known(&credential) {
            Some(Ok(user)) => Found::User(user, credential),
            Some(Err(error)) => Found::Refusal(error, Some(credential)),
            None => match credential.check() {
                Ok(()) => Found::Stranger(credential),
                // It is none, and goes nowhere.
                Err(error) => Found::Refusal(error, None),
            },
        }
    }

    /// Applies what was found out to the request.
    pub(super) fn settle(
        &self,
        extensions: &mut Extensions,
        answer: Answer,
        mut recording: Option<Recording>,
    ) -> Decision {
        let Answer { verdict, credential, context } = answer;
        match verdict {
            Ok(user) => {
                identity::set(extensions, Ok(user.clone()));
                let context = context.signed_in(user, credential);
                if let Some(recording) = &mut recording {
                    recording.settle(&context);
                }
                Decision::Pass(context, recording)
            }
            Err(error) if self.allow_anonymous => {
                identity::set(extensions, Err(NoUser::Refused(error)));
                Decision::Pass(context, recording)
            }
            Err(error) => Decision::Refuse(error, recording),
        }
    }

    /// Answers a refusal, and has it recorded.
    pub(super) fn refuse(&self, error: &AuthError, recording: Option<Recording>) -> Response<Bytes> {
        let response = self.settings.responder.respond(error);
        if let Some(recording) = recording {
            recording.refuse(error, response.status());
        }
        response
    }

    fn context(
        &self,
        request: Request<'_>,
        user: Option<UserInfo>,
        credential: Option<Credential>,
    ) -> RequestContext {
        RequestContext::of(request, &self.settings, user, credential)
    }

    async fn verify(self: Arc<Self>, credential: Credential, context: RequestContext) -> Answer {
        // In the context, so that the call to the auth center carries this request's trace id.
        let verifying = self.verifiers.verify(credential.clone()).in_context(context.clone());
        let verdict = match tokio::time::timeout(self.verify_timeout, verifying).await {
            Ok(verdict) => verdict,
            Err(_) => {
                Err(AuthError::new(ErrorKind::Unavailable).with_detail("the verifier did not answer in time"))
            }
        };
        match verdict {
            Ok(user) if self.hook.is_some() && user.announce() => {
                self.announce(user, credential, context).await
            }
            verdict => Answer { verdict, credential, context },
        }
    }

    async fn announce(
        self: Arc<Self>,
        user: UserInfo,
        credential: Credential,
        context: RequestContext,
    ) -> Answer {
        if let Some(hook) = &self.hook {
            let context = context.clone().signed_in(user.clone(), credential.clone());
            hook.run(&user).in_context(context).await;
        }
        Answer { verdict: Ok(user), credential, context }
    }

    fn is_excluded(&self, method: &Method, headers: &HeaderMap, request: Request<'_>) -> bool {
        self.exclusions.contain(|| original_uri(request.extensions, request.uri).path())
            || (self.allow_preflight && is_preflight(method, headers))
    }
}

/// The URI as it was sent: inside `nest`, axum has cut the front off the request's own.
pub(super) fn original_uri<'a>(extensions: &'a Extensions, uri: &'a Uri) -> &'a Uri {
    extensions.get::<OriginalUri>().map_or(uri, |OriginalUri(original)| original)
}

/// Fetch standard, section 4.8: an OPTIONS request with both headers. Any other OPTIONS is a request like all.
fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}
