use bytes::Bytes;
use http::StatusCode;

/// A successful delivery of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
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
