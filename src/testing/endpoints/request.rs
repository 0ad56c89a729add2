use http::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::testing::rejection::Rejection;

/// A call whose app was authenticated and whose body is JSON.
pub(super) struct Request {
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Request {
    /// Deserializes the body, and rejects the call if a field is missing or has the wrong type.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, Rejection> {
        T::deserialize(&self.body).map_err(|error| Rejection::bad_request(error.to_string()))
    }
}
