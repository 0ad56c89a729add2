//! Make background calls, whose callers retry them by their own schedule.

use http::header::HeaderMap;
use std::time::Duration;

use super::client::ApiClient;
use super::data::ReadData;
use super::decode::decode;
use super::outcome::{answered, told_failure};
use crate::types::error::AuthError;
#[cfg(feature = "spool")]
use crate::types::secret::Secret;
use crate::upstream::call_meter::CallMeter;

impl ApiClient {
    #[cfg(feature = "spool")]
    pub(crate) fn app_secret(&self) -> &Secret {
        &self.secret
    }

    /// Makes one attempt that bypasses the circuit breaker and `max_in_flight`, which are for calls that requests wait
    /// for. The caller retries. Errors do not show `secrets`, even if the auth center's message repeats them.
    ///
    /// # Errors
    /// [`SendError::Transient`] if a retry may succeed, [`SendError::Permanent`] if not.
    pub(crate) async fn report<R: ReadData>(
        &self,
        endpoint: &'static str,
        headers: &HeaderMap,
        body: bytes::Bytes,
        secrets: &[&str],
    ) -> Result<R, SendError> {
        let meter = CallMeter::new(&self.watch, endpoint);
        let attempt = self.attempt_in_time(&meter, endpoint, headers, body).await;
        let (error, code, retry_after) = match attempt.and_then(|body| decode(&body)) {
            Ok(Ok(answer)) => {
                meter.ended(answered(true), None, Some(&self.gate));
                return Ok(answer);
            }
            Ok(Err(rejection)) => {
                meter.ended(answered(false), None, Some(&self.gate));
                let code = u16::try_from(rejection.code).ok();
                (self.rejection(endpoint, rejection, secrets), code, None)
            }
            Err(failure) => {
                told_failure(&meter, &failure, &self.gate);
                let (status, after) = (failure.status.map(|status| status.as_u16()), failure.retry_after);
                (failure.into_error(endpoint), status, after)
            }
        };
        Err(match code.filter(|code| is_permanent(*code)) {
            Some(code) => SendError::Permanent(error, code),
            None => SendError::Transient(error, retry_after),
        })
    }
}

/// Why a [report](ApiClient::report) was not accepted.
#[derive(Debug)]
pub(crate) enum SendError {
    /// A retry may succeed, after the pause that the auth center requested.
    Transient(
        AuthError,
        // Unlike `AuthError::retry_after`, `None` unless the auth center requested a pause.
        #[cfg_attr(not(any(feature = "stats", feature = "user-sync")), allow(dead_code))] Option<Duration>,
    ),
    /// No retry will succeed, because of this HTTP status or business code.
    Permanent(AuthError, u16),
}

/// Returns whether a retry gets the same status, or the same business code.
fn is_permanent(status: u16) -> bool {
    matches!(status, 300..500) && !matches!(status, 408 | 425 | 429)
}
