use std::future::Future;

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::batch::Batch;
use crate::client::AuthClient;
use crate::transport::Unreported;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The way to the auth center; tests have another.
pub(super) trait Deliver: Send + Sync + 'static {
    /// Sends a batch once.
    fn deliver(&self, batch: &Batch) -> impl Future<Output = Result<(), Unreported>> + Send;
}

impl Deliver for AuthClient {
    async fn deliver(&self, batch: &Batch) -> Result<(), Unreported> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, batch.authorization.clone());
        if let Ok(key) = HeaderValue::from_str(&batch.key) {
            headers.insert(IDEMPOTENCY_KEY, key);
        }
        let transport = self.transport();
        let (body, secrets) = (batch.body.clone(), [batch.credential()]);
        transport.report("/stats/report/batch", &headers, body, &secrets).await.map(|_: Value| ())
    }
}
