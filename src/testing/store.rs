//! Wait until changes are stored.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

type Stored = Pin<Box<dyn Future<Output = bool> + Send>>;

/// What returns once the changes before it are stored, and whether they are.
#[derive(Clone)]
pub(super) struct Store(Arc<dyn Fn() -> Stored + Send + Sync>);

impl Store {
    pub(super) fn new<F>(store: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = bool> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(store())))
    }

    pub(super) async fn all(&self) -> bool {
        (self.0)().await
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}
