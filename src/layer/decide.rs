//! What becomes of a request: plain functions, which the service is a thin shell around.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::OriginalUri;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, ORIGIN};
use http::{Extensions, Method, Request, Uri};

use super::exclusions::Exclusions;
use super::hook::Hook;
use crate::context::{self, InContext, RequestContext, Settings};
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
    pub(super) settings: Arc<Settings>,
}

/// What to do with a request now.
pub(super) enum Decision {
    /// Call the inner service in this context.
    Pass(RequestContext),
    /// Answer at once.
    Refuse(AuthError),
    /// It takes a while to tell.
    Ask(Asking),
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
    pub(super) fn decide<B>(self: &Arc<Self>, request: &mut Request<B>) -> Decision {
        let context = RequestContext::from_request(
            request.headers(),
            request.uri(),
            request.extensions(),
            &self.settings,
        );
        if self.is_excluded(original_uri(request.extensions(), request.uri()))
            || (self.allow_preflight && is_preflight(request.method(), request.headers()))
        {
            identity::set(request.extensions_mut(), Err(NoUser::Excluded));
            // Whom an outer layer found stays in the extensions, so he has to stay in the context, too.
            return Decision::Pass(match request.extensions().get::<UserInfo>() {
                Some(user) => context.signed_in(user.clone(), context::token()),
                None => context,
            });
        }
        let credential = match Presented::in_headers(request.headers()) {
            Presented::Nothing => {
                return self.refuse(request.extensions_mut(), context, ErrorKind::MissingCredential.into());
            }
            Presented::Malformed(why) => {
                let error = AuthError::new(ErrorKind::InvalidCredential).with_detail(why);
                return self.refuse(request.extensions_mut(), context, error);
            }
            Presented::Credential(credential) => credential,
        };
        match self.verifiers.known(&credential) {
            Some(Ok(user)) if self.hook.is_some() && user.announce() => {
                let rules = self.clone();
                Decision::Ask(Box::pin(async move { rules.announce(user, credential, context).await }))
            }
            Some(verdict) => self.settle(request.extensions_mut(), Answer { verdict, credential, context }),
            None => match credential.check() {
                Ok(()) => {
                    let rules = self.clone();
                    Decision::Ask(Box::pin(async move { rules.verify(credential, context).await }))
                }
                Err(error) => self.refuse(request.extensions_mut(), context, error),
            },
        }
    }

    /// Applies what was found out to the request.
    pub(super) fn settle(&self, extensions: &mut Extensions, answer: Answer) -> Decision {
        let Answer { verdict, credential, context } = answer;
        match verdict {
            Ok(user) => {
                identity::set(extensions, Ok(user.clone()));
                Decision::Pass(context.signed_in(user, Some(credential)))
            }
            Err(error) => self.refuse(extensions, context, error),
        }
    }

    fn refuse(&self, extensions: &mut Extensions, context: RequestContext, error: AuthError) -> Decision {
        if !self.allow_anonymous {
            return Decision::Refuse(error);
        }
        identity::set(extensions, Err(NoUser::Refused(error)));
        Decision::Pass(context)
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
            let context = context.clone().signed_in(user.clone(), Some(credential.clone()));
            hook.run(&user).in_context(context).await;
        }
        Answer { verdict: Ok(user), credential, context }
    }

    fn is_excluded(&self, uri: &Uri) -> bool {
        self.exclusions.contain(uri.path())
    }
}

/// The URI as it was sent: inside `nest`, axum has cut the front off the request's own.
fn original_uri<'a>(extensions: &'a Extensions, uri: &'a Uri) -> &'a Uri {
    extensions.get::<OriginalUri>().map_or(uri, |OriginalUri(original)| original)
}

/// Fetch standard, section 4.8: an OPTIONS request with both headers. Any other OPTIONS is a request like all.
fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}
