//! A receiver of webhooks whose answers a test sets.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aigc_auth::webhook::{Sender, SenderBuilder};
use axum::Router;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri};

use crate::support::{App, serve};

pub(crate) const SECRET: &str = "the secret of the webhook";

/// Takes down what arrives, wherever it arrives.
pub(crate) struct Receiver {
    app: App,
    received: Arc<Mutex<Vec<Received>>>,
}

#[derive(Clone)]
pub(crate) struct Received {
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Receiver {
    /// Answers each request by this function of how many came before.
    pub(crate) async fn start<R: IntoResponse>(
        answer: impl Fn(usize) -> R + Clone + Send + Sync + 'static,
    ) -> Self {
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let journal = received.clone();
        let router = Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| {
            let mut journal = journal.lock().unwrap();
            let answer: Response = answer(journal.len()).into_response();
            journal.push(Received { uri, headers, body });
            async move { answer }
        });
        Self { app: serve(router).await, received }
    }

    pub(crate) fn host(&self) -> String {
        self.app.address.to_string()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/webhook/auth", self.host())
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// The only request that came.
    #[track_caller]
    pub(crate) fn only(&self) -> Received {
        let [only] = &self.received()[..] else { panic!("{} requests came", self.received().len()) };
        only.clone()
    }
}

impl Received {
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().unwrap_or_else(|| panic!("no {name}: {:?}", self.headers));
        assert!(values.next().is_none(), "{name} came twice: {:?}", self.headers);
        value.to_str().unwrap()
    }
}

/// To this URL, with hardly a pause between attempts.
pub(crate) fn hasty(url: impl Into<String>) -> SenderBuilder {
    Sender::builder(url, SECRET).backoff(Duration::from_millis(1))
}

pub(crate) fn sender(url: impl Into<String>) -> Sender {
    hasty(url).build().unwrap()
}

pub(crate) fn status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap()
}
