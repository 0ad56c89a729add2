use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::services::webhook::rejection::WebhookRejection;

/// The allowed difference between the sender's clock and this server's.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// The `webhook-timestamp` of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timestamp<'a> {
    /// The text, which is what is signed.
    pub(super) text: &'a str,
    pub(super) seconds: i64,
}

impl<'a> Timestamp<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, WebhookRejection> {
        let seconds = text.parse().map_err(|_| {
            WebhookRejection::unauthorized("The header webhook-timestamp is not a number of seconds")
        })?;
        Ok(Self { text, seconds })
    }

    pub(super) fn is_within_tolerance(self, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let difference = i128::from(now) - i128::from(self.seconds);
        difference.unsigned_abs() <= u128::from(TOLERANCE.as_secs())
    }
}
