use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

use super::error::{AttemptError, DeliveryErrorKind};
use crate::services::webhook::signature;
use crate::services::webhook::signing_key::SigningKey;
use crate::services::webhook::verification::{WEBHOOK_ID, X_WEBHOOK_EVENT, X_WEBHOOK_SIGNATURE};

/// The parts of a request that are the same for each attempt.
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: Bytes,
    pub(super) headers: HeaderMap,
}

#[derive(Serialize)]
struct Body<'a, T: ?Sized> {
    event: &'a str,
    data: &'a T,
}

impl Message {
    /// Serializes an event. The first key signs for `X-Webhook-Signature`.
    pub(super) fn new<T: Serialize + ?Sized>(
        keys: &[SigningKey],
        id: &str,
        event: &str,
        data: &T,
    ) -> Result<Self, AttemptError> {
        let unsendable = |why| AttemptError::new(DeliveryErrorKind::InvalidRequest).with_detail(why);
        let body = serde_json::to_vec(&Body { event, data })
            .map_err(|error| unsendable("the data cannot be written as JSON").with_source(error))?;
        // `HeaderValue` would accept other bytes, which receivers decode differently or reject.
        if !(1..=256).contains(&id.len()) || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unsendable("the id must be of 1 to 256 visible ASCII characters, without spaces"));
        }
        if !event.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Err(unsendable("the event's name must be of visible ASCII characters"));
        }
        let mut headers = HeaderMap::new();
        let mut put = |name, value: &str| {
            let value = HeaderValue::from_str(value)
                .map_err(|error| unsendable("a header cannot be sent").with_source(error))?;
            headers.insert(HeaderName::from_static(name), value);
            Ok(())
        };
        put("content-type", "application/json")?;
        put(X_WEBHOOK_EVENT, event)?;
        put(WEBHOOK_ID, id)?;
        if let Some(key) = keys.first() {
            put(X_WEBHOOK_SIGNATURE, &signature::to_hex(key.plain(&body)))?;
        }
        Ok(Self { id: id.to_owned(), body: body.into(), headers })
    }

    /// Signs under all keys, for the `webhook-signature` of an attempt at this time, in seconds since 1970.
    pub(super) fn standard_signatures(&self, keys: &[SigningKey], timestamp: u64) -> String {
        let timestamp = timestamp.to_string();
        let signatures = keys.iter().map(|key| {
            format!("v1,{}", signature::to_base64(key.standard(&self.id, &timestamp, &self.body)))
        });
        signatures.collect::<Vec<_>>().join(" ")
    }
}
