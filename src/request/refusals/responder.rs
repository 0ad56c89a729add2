use std::fmt;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};

use super::complete::complete;
use super::head::Head;
use super::log_in_page::LogInPage;
use super::problem::problem;
use super::reentry;
use super::refusal::Refusal;
use super::wording::Wording;
#[cfg(feature = "utoipa")]
use crate::request::openapi;
use crate::types::error::AuthError;

/// Builds the answers to errors; for [`AuthLayer::error_responder`](crate::AuthLayer::error_responder). Cheap to clone.
///
/// gRPC calls are answered by `grpc-status` and `grpc-message` whatever the responder, for their clients read nothing else.
///
/// ```
/// # use aigc_auth::credential::BearerToken;
/// # use aigc_auth::{AuthLayer, Verify};
/// use aigc_auth::error::ErrorResponder;
///
/// # fn app(verifier: impl Verify<BearerToken>) -> AuthLayer {
/// // Problem details for programs, and the log-in page for people.
/// AuthLayer::tokens_only(verifier).error_responder(ErrorResponder::problem().with_log_in_page("/login?next="))
/// # }
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct ErrorResponder {
    form: Form,
    log_in_page: Option<Arc<LogInPage>>,
    is_verbatim: bool,
    /// Whether it looks at requests, so that these are kept for it.
    sees_request: bool,
}

#[derive(Clone, Default)]
enum Form {
    #[default]
    Envelope,
    Problem,
    Custom(Arc<Respond>),
}

type Respond = dyn Fn(&Refusal<'_>) -> Response + Send + Sync;

impl ErrorResponder {
    /// Answers with the auth center's envelope, `{"code": …, "message": "…", "data": null}`. The default.
    pub fn envelope() -> Self {
        Self::default()
    }

    /// Answers with `application/problem+json` (RFC 9457): `title` is the phrase of the status, `detail` the message in the
    /// layer's [language](crate::AuthLayer::language), and `code` that of the envelope.
    pub fn problem() -> Self {
        Self { form: Form::Problem, ..Self::default() }
    }

    /// Answers by this function.
    ///
    /// It may start from [`Refusal::default_response`]. Where its answer is 401 or 403 without a challenge, or 503 or 429
    /// without `Retry-After`, those of the default answer are added, as far as it has them. Within the function,
    /// `AuthError::into_response` is the default answer, too. A panic in it is as one in a handler.
    ///
    /// ```
    /// # use aigc_auth::credential::BearerToken;
    /// # use aigc_auth::{AuthLayer, Verify};
    /// use aigc_auth::error::ErrorResponder;
    /// use axum::Json;
    ///
    /// # fn app(verifier: impl Verify<BearerToken>) -> AuthLayer {
    /// AuthLayer::tokens_only(verifier).error_responder(ErrorResponder::new(|refusal| {
    ///     let body = serde_json::json!({"error": refusal.message(), "path": refusal.uri().path()});
    ///     (refusal.error().status(), Json(body))
    /// }))
    /// # }
    /// ```
    pub fn new<F, R>(respond: F) -> Self
    where
        F: Fn(&Refusal<'_>) -> R + Send + Sync + 'static,
        R: IntoResponse,
    {
        let respond = move |refusal: &Refusal<'_>| respond(refusal).into_response();
        Self { form: Form::Custom(Arc::new(respond)), sees_request: true, ..Self::default() }
    }

    /// The form of its answers, for documents.
    #[cfg(feature = "utoipa")]
    pub(crate) fn form(&self) -> openapi::Form {
        match self.form {
            Form::Envelope => openapi::Form::Envelope,
            Form::Problem => openapi::Form::Problem,
            Form::Custom(_) => openapi::Form::Custom,
        }
    }

    /// Redirects to this page (303) where a browser opens a page and the answer would be 401. Everything else is answered as
    /// without it: scripts, API clients, other methods, 403 and 503.
    ///
    /// A path of this service, or a URL. If it ends in `=`, the path and the query of the request are appended,
    /// percent-encoded; never a host, so that the page can go back there safely. Browsers say that they open a page by
    /// `Sec-Fetch-Mode: navigate`; where that header is missing, by `Accept: text/html`. The page itself, if the layer is
    /// around it, is not redirected to itself.
    ///
    /// # Panics
    /// If this is neither a path nor a URL, or has characters other than visible ASCII.
    #[track_caller]
    pub fn with_log_in_page(mut self, location: &str) -> Self {
        self.log_in_page = Some(Arc::new(LogInPage::new(location)));
        self.sees_request = true;
        self
    }

    /// Sends what the function of [`ErrorResponder::new`] returned as it is: no challenge and no `Retry-After` is added.
    pub fn verbatim(mut self) -> Self {
        self.is_verbatim = true;
        self
    }

    /// Whether it looks at requests.
    pub(super) fn sees_request(&self) -> bool {
        self.sees_request
    }

    /// Answers an error of this request.
    pub(super) fn respond(&self, error: &AuthError, head: Head<'_>, wording: &Wording) -> Response {
        let refusal = Refusal { error, head, wording };
        if let Some(redirect) = self.log_in_page.as_ref().and_then(|page| page.redirect(&refusal)) {
            return redirect;
        }
        let Form::Custom(respond) = &self.form else { return self.respond_unseen(error, wording) };
        let mut response = reentry::within(wording, || respond(&refusal));
        if !self.is_verbatim {
            complete(&mut response, wording, error);
        }
        response
    }

    /// Answers an error without its request, for there may be one no more, or there is nothing to see in it: a function is not
    /// asked.
    #[inline]
    pub(super) fn respond_unseen(&self, error: &AuthError, wording: &Wording) -> Response {
        match self.form {
            Form::Problem => problem(wording, error),
            Form::Envelope | Form::Custom(_) => wording.envelope(error),
        }
    }
}

impl fmt::Debug for ErrorResponder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = match self.form {
            Form::Envelope => "envelope",
            Form::Problem => "problem",
            Form::Custom(_) => "custom",
        };
        let mut debug = f.debug_struct("ErrorResponder");
        debug.field("form", &form).field("log_in_page", &self.log_in_page).finish_non_exhaustive()
    }
}
