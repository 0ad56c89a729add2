use std::sync::Arc;

use super::center::AuthCenter;
use super::dialect::Dialect;
use super::dispatcher::Dispatcher;
use super::server::Server;
use super::state::State;
use crate::types::secret::Secret;

/// Builds an [`AuthCenter`]; made by [`AuthCenter::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct AuthCenterBuilder {
    app_id: String,
    app_secret: Secret,
    dialect: Dialect,
}

impl AuthCenter {
    /// Starts an auth center with the default app id and secret.
    ///
    /// # Panics
    /// As [`AuthCenterBuilder::start`].
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Returns a builder, for another app id, secret or dialect.
    pub fn builder() -> AuthCenterBuilder {
        AuthCenterBuilder {
            app_id: "test-app".to_owned(),
            app_secret: "test-secret".into(),
            dialect: Dialect::default(),
        }
    }
}

impl AuthCenterBuilder {
    /// Sets the app id that callers must send. Defaults to `test-app`.
    pub fn app_id(mut self, app_id: impl Into<String>) -> Self {
        self.app_id = app_id.into();
        self
    }

    /// Sets the app secret that callers must send. Defaults to `test-secret`.
    pub fn app_secret(mut self, app_secret: impl Into<String>) -> Self {
        self.app_secret = app_secret.into().into();
        self
    }

    /// Sets how old the auth center is. Defaults to the current dialect.
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Starts the auth center.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O and time, or if no port of 127.0.0.1 is free.
    // It awaits nothing, but must run inside a runtime; only an async function says that in its type.
    pub async fn start(self) -> AuthCenter {
        let state = State::new(self.app_id.clone(), self.app_secret.clone(), self.dialect);
        let server = Arc::new(Server::bind(Dispatcher::new(state)).expect("a free port on 127.0.0.1"));
        let task = tokio::spawn(Arc::clone(&server).run());
        AuthCenter { server, task, app_id: self.app_id, app_secret: self.app_secret }
    }
}
