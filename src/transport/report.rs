//! Calls that nobody waits for, to be made again by those who make them.

use http::header::HeaderMap;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

use super::{Failure, Transport, decode};
use crate::error::AuthError;
#[cfg(feature = "spool")]
use crate::secret::Secret;

impl Transport {
    #[cfg(feature = "spool")]
    pub(crate) fn app_secret(&self) -> &Secret {
        &self.secret
    }

    /// Makes one attempt, past the breaker and the queue of the calls that requests wait for, and keeps no count of
    /// failures: for those who decide themselves when to try again. Errors do not show the secret, should the center's
    /// message repeat it.
    ///
    /// # Errors
    /// Whether another attempt may succeed, and when.
    pub(crate) async fn report<R: DeserializeOwned>(
        &self,
        endpoint: &'static str,
        headers: &HeaderMap,
        body: bytes::Bytes,
        secrets: &[&str],
    ) -> Result<R, Unreported> {
        let url = format!("{}{endpoint}", self.base);
        let attempt = match timeout_at(Instant::now() + self.timeout, self.attempt(&url, headers, body)).await
        {
            Ok(attempt) => attempt,
            Err(_) => Err(Failure::new("no answer in time")),
        };
        let (error, code, pause) = match attempt.and_then(|body| decode(&body)) {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err((code, message))) => {
                (self.rejection(code, &message, secrets), u16::try_from(code).ok(), None)
            }
            Err(failure) => {
                let (status, pause) = (failure.status.map(|status| status.as_u16()), failure.pause);
                (failure.into_error(endpoint), status, pause)
            }
        };
        Err(match code.filter(|code| is_final(*code)) {
            Some(code) => Unreported::ForGood(error, code),
            None => Unreported::ForNow(error, pause),
        })
    }
}

/// What became of a [report](Transport::report) that was not accepted.
#[derive(Debug)]
pub(crate) enum Unreported {
    /// Another attempt may succeed, after the pause that was asked for.
    ForNow(
        AuthError,
        // The error says when, too, but for the least that every one says.
        #[cfg_attr(not(any(feature = "stats", feature = "user-sync")), allow(dead_code))] Option<Duration>,
    ),
    /// No other attempt will, for this HTTP status or business code.
    ForGood(
        AuthError,
        #[cfg_attr(
            not(any(feature = "registry", feature = "user-sync")),
            expect(dead_code, reason = "others need no code")
        )]
        u16,
    ),
}

/// Whether a status, or a business code like one, will be the same however often it is asked for.
fn is_final(status: u16) -> bool {
    matches!(status, 300..500) && !matches!(status, 408 | 425 | 429)
}
