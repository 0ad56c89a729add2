use bytes::Bytes;
use http::header::HeaderMap;
use tokio::time::Instant;

use crate::upstream::call_meter::CallMeter;

/// A call as it is sent.
pub(super) struct Message<'a> {
    pub(super) endpoint: &'static str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: Bytes,
    /// When it is given up.
    pub(super) deadline: Instant,
    pub(super) meter: &'a CallMeter<'a>,
}
