use http::{HeaderMap, Method};
use serde_json::Value;

/// A request that was read to the end of its body.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) endpoint: String,
    pub(super) headers: HeaderMap,
    /// `None` if it is not JSON.
    pub(super) body: Option<Value>,
}
