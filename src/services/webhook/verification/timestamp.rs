use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::services::webhook::rejection::WebhookRejection;

/// The allowed difference between the sender's clock and this server's.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// The `webhook-timestamp` of a request.
#[derive(Clone, Debug)]
pub(super) struct Timestamp {
    /// The text, which is what is signed.
    pub(super) text: Box<str>,
    pub(super) seconds: i64,
}

impl Timestamp {
    /// Longest text, in bytes: leading zeros are part of a number.
    const MAX_LEN: usize = 32;

    pub(super) fn parse(text: &str) -> Result<Self, WebhookRejection> {
        let seconds =
            Some(text).filter(|text| text.len() <= Self::MAX_LEN).and_then(|text| text.parse().ok());
        let seconds = seconds.ok_or(WebhookRejection::unauthorized(
            "The header webhook-timestamp is not a number of seconds",
        ))?;
        Ok(Self { text: text.into(), seconds })
    }

    pub(super) fn is_within_tolerance(&self, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let difference = i128::from(now) - i128::from(self.seconds);
        difference.unsigned_abs() <= u128::from(TOLERANCE.as_secs())
    }
}
