use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;

use super::accounts::Random;
use super::center::AuthCenter;
use super::dialect::Dialect;
use super::dispatcher::Dispatcher;
use super::limits::Limits;
use super::observed_call::{ObservedCall, Observer};
use super::respond::Responder;
use super::server::Server;
use super::state::State;
use super::store::Store;
use crate::types::secret::Secret;

/// Builds an [`AuthCenter`]; made by [`AuthCenter::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct AuthCenterBuilder {
    app_id: String,
    app_secret: Secret,
    dialect: Dialect,
    address: SocketAddr,
    limits: Limits,
    random: Option<Random>,
    routes: Option<Router>,
    observer: Option<Observer>,
    store: Option<Store>,
    is_paused: bool,
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
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            limits: Limits::TEST,
            random: None,
            routes: None,
            observer: None,
            store: None,
            is_paused: false,
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

    /// Sets the address to listen on. Defaults to a free port of 127.0.0.1.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Bounds what the center keeps, for a program that runs for days: bodies of 8 MiB, 1,000 connections, 10,000 users,
    /// tokens and access keys, 1,000 webhooks and services, 16 KiB for each of them, requests of 16 MiB, 20,000 usage records of
    /// 64 MiB. Calls beyond are rejected with 413, 503 or
    /// 507; of requests and usage records, the latest are kept. Defaults to the bodies and the number of requests alone.
    pub fn bounded(mut self) -> Self {
        self.limits = Limits::PROGRAM;
        self
    }

    /// Sets what makes the tokens and access keys that services ask for: `random` returns a text that nobody guesses.
    /// Defaults to numbered ones, the same in every run.
    pub fn credentials(mut self, random: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.random = Some(Random(Arc::new(random)));
        self
    }

    /// Serves these routes on the same port: all paths but those of the endpoints. Faults apply to them, too. Defaults to 404.
    pub fn routes(mut self, routes: Router) -> Self {
        self.routes = Some(routes);
        self
    }

    /// Calls this after each request, with how it was answered. It must not block.
    pub fn on_call(mut self, observe: impl Fn(&ObservedCall) + Send + Sync + 'static) -> Self {
        self.observer = Some(Observer::new(observe));
        self
    }

    /// Awaits this before a call that has changed the state is answered: what a caller was told is then stored, whatever
    /// happens to the program afterwards. Where `store` returns false, the caller is told so by a 507. It gets no lock, and may
    /// gather the changes of several calls. Defaults to nothing.
    pub fn stored_by<F>(mut self, store: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = bool> + Send + 'static,
    {
        self.store = Some(Store::new(store));
        self
    }

    /// Starts the center paused: connections wait until [`AuthCenter::resume`], and so see no half of its users. Defaults to
    /// answering at once.
    pub fn paused(mut self) -> Self {
        self.is_paused = true;
        self
    }

    /// Starts the auth center.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O and time, or if the address cannot be listened on, such as no port of 127.0.0.1 is
    /// free.
    pub async fn start(self) -> AuthCenter {
        self.try_start().await.expect("an address to listen on")
    }

    /// Starts the auth center, on an address that may be in use.
    ///
    /// # Errors
    /// If the address cannot be listened on.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O and time.
    // It awaits nothing, but must run inside a runtime; only an async function says that in its type.
    pub async fn try_start(self) -> io::Result<AuthCenter> {
        let mut state = State::new(&self.app_id, self.app_secret.clone(), self.dialect, self.limits);
        state.accounts.random = self.random;
        let responder = Responder::new(Dispatcher::new(state), self.routes, self.observer, self.store);
        let server = Arc::new(Server::bind(self.address, responder, self.limits)?);
        if !self.is_paused {
            server.resume();
        }
        let task = tokio::spawn(Arc::clone(&server).run());
        Ok(AuthCenter { server, task, app_id: self.app_id, app_secret: self.app_secret })
    }
}
