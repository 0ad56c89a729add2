use std::fmt;

use bytes::Bytes;
use http::StatusCode;

/// A successful delivery of an event. `Debug` shows the length of the answer only, which may repeat data of the user.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// The id of the event (`webhook-id`).
    pub id: String,
    /// The number of attempts, including the successful one.
    pub attempts: u32,
    /// The receiver's status, a 2xx.
    pub status: StatusCode,
    /// The body of the response; empty if it was over 64 KiB, incomplete or timed out.
    pub answer: Bytes,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("id", &self.id)
            .field("attempts", &self.attempts)
            .field("status", &self.status)
            .field("answer_bytes", &self.answer.len())
            .finish_non_exhaustive()
    }
}
