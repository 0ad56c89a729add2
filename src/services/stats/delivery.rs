use std::future::Future;

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde::de::IgnoredAny;

use super::batch::Batch;
use crate::upstream::api_client::SendError;
use crate::verifiers::client::AuthClient;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Delivers batches to the auth center; unit tests replace it.
pub(super) trait Deliver: Send + Sync + 'static {
    /// Makes one attempt to send a batch.
    fn deliver(&self, batch: &Batch) -> impl Future<Output = Result<(), SendError>> + Send;
}

impl Deliver for AuthClient {
    async fn deliver(&self, batch: &Batch) -> Result<(), SendError> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, batch.authorization.clone());
        if let Ok(key) = HeaderValue::from_str(&batch.idempotency_key) {
            headers.insert(IDEMPOTENCY_KEY, key);
        }
        let api = self.api();
        let (body, secrets) = (batch.body.clone(), [batch.credential()]);
        api.report("/stats/report/batch", &headers, body, &secrets).await.map(|_: IgnoredAny| ())
    }
}
