//! Check the settings of a client by a call that changes nothing.

use bytes::Bytes;
use http::StatusCode;
use http::header::HeaderMap;
use serde::de::IgnoredAny;

use super::client::ApiClient;
use super::decode::decode;
use super::failure::{Cause, Failure};
use super::outcome::{answered, told_failure};
use crate::types::error::{AuthError, ErrorKind};
use crate::upstream::call_meter::CallMeter;

/// Asks for a user by id, without anybody's token: what is rejected here is the app. Every auth center has it, and answers an id
/// that nobody has.
const ENDPOINT: &str = "/users/batch-by-ids";
const BODY: &[u8] = br#"{"userIds":[0],"user_ids":[0]}"#;

/// What a failed check says of the settings.
enum Wrong {
    BaseUrl,
    App,
    /// By an HTTP status, which proxies and other servers answer with as well.
    AppOrServer,
    /// It says nothing of them.
    Nothing,
}

impl ApiClient {
    /// Makes one attempt of a call without effects, past the circuit breaker.
    ///
    /// # Errors
    /// [`ErrorKind::Misconfigured`] if a setting is wrong, which the detail names; otherwise as [`ApiClient::call`].
    pub(crate) async fn check(&self) -> Result<(), AuthError> {
        let body = Bytes::from_static(BODY);
        let meter = CallMeter::new(&self.watch, ENDPOINT);
        let attempt = self.attempt_in_time(&meter, ENDPOINT, &HeaderMap::new(), body).await;
        let answer = attempt.and_then(|body| decode::<IgnoredAny>(&body));
        match &answer {
            Ok(answer) => meter.ended(answered(answer.is_ok()), None, Some(&self.gate)),
            Err(failure) => told_failure(&meter, failure, &self.gate),
        }
        let (wrong, error) = match answer {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(rejection)) => match rejection.code {
                401 | 403 => (Wrong::App, self.rejection(ENDPOINT, rejection, &[])),
                // The auth center knows the app, and minds what it is asked.
                400..=428 => return Ok(()),
                _ => (Wrong::Nothing, self.rejection(ENDPOINT, rejection, &[])),
            },
            Err(failure) => (wrong(&failure), failure.into_error(ENDPOINT)),
        };
        let app = "the auth center does not know the app id, or its secret is another one (AIGC_AUTH_APP_ID, AIGC_AUTH_APP_SECRET)";
        Err(match wrong {
            Wrong::Nothing => error,
            Wrong::BaseUrl => {
                misconfigured("the base URL (AIGC_AUTH_BASE_URL) is not that of an auth center", error)
            }
            Wrong::App => misconfigured(app, error),
            Wrong::AppOrServer => {
                let or = "or another server answers at the base URL (AIGC_AUTH_BASE_URL)";
                misconfigured(&format!("{app}, {or}"), error)
            }
        })
    }
}

/// Which setting causes a failure, as far as it can be told: an address where nobody answers may be wrong, or the auth center is
/// away.
fn wrong(failure: &Failure) -> Wrong {
    match (failure.status, failure.cause) {
        (Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN), _) => Wrong::AppOrServer,
        // What servers say that have nothing there, or no POST.
        (
            Some(
                StatusCode::NOT_FOUND
                | StatusCode::METHOD_NOT_ALLOWED
                | StatusCode::GONE
                | StatusCode::UNSUPPORTED_MEDIA_TYPE
                | StatusCode::MISDIRECTED_REQUEST
                | StatusCode::NOT_IMPLEMENTED,
            ),
            _,
        ) => Wrong::BaseUrl,
        (Some(status), _) if status.is_redirection() => Wrong::BaseUrl,
        // Somebody else answers: a page, or a redirect that the HTTP client has followed.
        (None, Cause::Call) if failure.source.is_none() => Wrong::BaseUrl,
        _ => Wrong::Nothing,
    }
}

fn misconfigured(what: &str, error: AuthError) -> AuthError {
    let call = error.detail().unwrap_or_default();
    let code = match error.kind() {
        ErrorKind::Rejected => format!(" (code {})", error.code()),
        _ => String::new(),
    };
    let text = match call {
        "" => format!("{what}{code}"),
        call => format!("{what}{code}: {call}"),
    };
    AuthError::new(ErrorKind::Misconfigured).with_detail(text).with_source(error)
}
