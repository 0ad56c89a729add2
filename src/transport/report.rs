//! Calls that nobody waits for, to be made again by those who make them.

use http::header::HeaderMap;
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
    pub(crate) async fn report(
        &self,
        endpoint: &'static str,
        headers: &HeaderMap,
        body: bytes::Bytes,
        secret: &str,
    ) -> Result<(), Unreported> {
        let url = format!("{}{endpoint}", self.base);
        let attempt = match timeout_at(Instant::now() + self.timeout, self.attempt(&url, headers, body)).await
        {
            Ok(attempt) => attempt,
            Err(_) => Err(Failure::new("no answer in time")),
        };
        match attempt.and_then(|body| decode::<serde_json::Value>(&body)) {
            Ok(Ok(_)) => Ok(()),
            Ok(Err((code, message))) => {
                let error = self.rejection(code, &message, &[secret]);
                let final_word = u16::try_from(code).is_ok_and(is_final);
                Err(if final_word { Unreported::ForGood(error) } else { Unreported::ForNow(error, None) })
            }
            Err(failure) => {
                let final_word = failure.status.is_some_and(|status| is_final(status.as_u16()));
                let pause = failure.pause;
                let error = failure.into_error(endpoint);
                Err(if final_word { Unreported::ForGood(error) } else { Unreported::ForNow(error, pause) })
            }
        }
    }
}

/// What became of a [report](Transport::report) that was not accepted.
#[derive(Debug)]
pub(crate) enum Unreported {
    /// Another attempt may succeed, after the pause that was asked for.
    ForNow(AuthError, Option<Duration>),
    /// No other attempt will.
    ForGood(AuthError),
}

/// Whether a status, or a business code like one, will be the same however often it is asked for.
fn is_final(status: u16) -> bool {
    matches!(status, 300..500) && !matches!(status, 408 | 425 | 429)
}
