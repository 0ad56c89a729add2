//! The apps that may call.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::HeaderMap;

use crate::types::secret::Secret;

/// The apps, by id. All share the users, groups, services and webhooks; each has its own tokens.
pub(super) struct Apps {
    secrets: BTreeMap<Arc<str>, Secret>,
    /// The app that the center was built with: tokens that name no app are its own.
    pub(super) first: Arc<str>,
}

impl Apps {
    pub(super) fn new(id: &str, secret: Secret) -> Self {
        let first = Arc::from(id);
        Self { secrets: BTreeMap::from([(Arc::clone(&first), secret)]), first }
    }

    pub(super) fn put(&mut self, id: &str, secret: Secret) {
        self.secrets.insert(id.into(), secret);
    }

    /// Returns the app that sends these headers, if its secret is right.
    pub(super) fn authenticate(&self, headers: &HeaderMap) -> Option<Arc<str>> {
        let id = headers.get("x-app-id")?.to_str().ok()?;
        let (id, secret) = self.secrets.get_key_value(id)?;
        (headers.get("x-app-secret")?.as_bytes() == secret.expose().as_bytes()).then(|| Arc::clone(id))
    }

    /// Returns the id of the app with this number.
    pub(super) fn by_number(&self, number: u64) -> Option<&Arc<str>> {
        self.secrets.keys().find(|id| id.parse() == Ok(number))
    }
}
