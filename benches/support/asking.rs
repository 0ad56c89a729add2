//! A user asked for by `AuthClient`, and by a bare `reqwest` POST of the same request.

use std::sync::Arc;
use std::time::Duration;

use aigc_auth::AuthClient;
use http::header::CONTENT_TYPE;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::center::{Center, token};

/// How a user is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Bare,
    Client,
}

/// Both ways to one center.
pub(crate) struct Asking {
    runtime: Runtime,
    center: Center,
    clients: Arc<Clients>,
    next: u64,
}

struct Clients {
    bare: reqwest::Client,
    url: String,
    client: AuthClient,
}

impl Asking {
    pub(crate) fn new(permissions: usize) -> Self {
        let center = Center::start(Duration::ZERO, permissions);
        let client = AuthClient::builder("app", "secret", center.url.as_str());
        let clients = Clients {
            bare: bare_client(),
            url: format!("{}/sdk/user/info", center.url),
            // As small as the cache of a service is beside all its users: what is evicted is a part of a lookup.
            client: client.cache_capacity(2_000).build().expect("a client"),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { runtime, center, clients: Arc::new(clients), next: 0 }
    }

    /// How many calls have arrived, and how many were made.
    #[allow(dead_code, reason = "not of every bench")]
    pub(crate) fn calls(&mut self) -> (u64, u64) {
        (self.center.arrived().calls, self.next)
    }

    /// Looks as many tokens up that were not seen before.
    pub(crate) fn ask(&mut self, way: Way, lookups: u64, at_a_time: u64) {
        for _ in 0..lookups / at_a_time {
            let tokens = self.next..self.next + at_a_time;
            self.next = tokens.end;
            let clients = &self.clients;
            self.runtime.block_on(async {
                if at_a_time == 1 {
                    return clients.ask(way, tokens.start).await;
                }
                let mut calls: JoinSet<()> = tokens
                    .map(|id| {
                        let clients = clients.clone();
                        async move { clients.ask(way, id).await }
                    })
                    .collect();
                while let Some(call) = calls.join_next().await {
                    call.expect("no panic");
                }
            });
        }
    }
}

impl Clients {
    async fn ask(&self, way: Way, id: u64) {
        let token = token(id);
        match way {
            Way::Bare => {
                let request =
                    self.bare.post(&self.url).header("x-app-id", "app").header("x-app-secret", "secret");
                let request = request.header(CONTENT_TYPE, "application/json");
                let response =
                    request.body(format!(r#"{{"token":"{token}"}}"#)).send().await.expect("an answer");
                assert_eq!(response.status(), 200);
                assert!(response.bytes().await.expect("a body").ends_with(b"}}"));
            }
            Way::Client => {
                let user = self.client.user_info(&token).await.expect("a user");
                assert_eq!(user.username(), format!("user{id:08}"));
            }
        }
    }
}

/// With the settings that the crate has for its own.
fn bare_client() -> reqwest::Client {
    // The other features of this build bring AWS-LC, so that rustls has no default.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(1))
        .pool_idle_timeout(Duration::from_secs(4))
        .build()
        .expect("a client")
}
