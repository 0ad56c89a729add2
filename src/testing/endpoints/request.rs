use std::sync::Arc;

use http::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::testing::rejection::Rejection;

/// A call whose app was authenticated and whose body is JSON.
pub(super) struct Request {
    pub(super) app: Arc<str>,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Request {
    /// Deserializes the body, and rejects the call if a field is missing or has the wrong type.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, Rejection> {
        parse(&self.body)
    }

    /// Deserializes one field of the body.
    pub(super) fn parse_field<T: DeserializeOwned>(&self, name: &str) -> Result<T, Rejection> {
        let missing = || Rejection::bad_request(format!("missing field `{name}`"));
        parse(self.body.get(name).ok_or_else(missing)?)
    }
}

fn parse<T: DeserializeOwned>(value: &Value) -> Result<T, Rejection> {
    T::deserialize(value).map_err(|error| Rejection::bad_request(error.to_string()))
}
