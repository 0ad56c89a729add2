//! Tower middleware and axum extractors for services that trust an AIGC auth center.
//!
//! [`AuthLayer`] finds out who sent a request, by a token or an access key (`Authorization: Bearer …`), and refuses
//! those it cannot tell: 401 without a valid credential, 403 for users who are turned away, 503 when the auth center
//! could not be asked. `AuthClient` asks the auth center and caches its answers. Handlers take the user as an argument:
//!
//! ```
//! # #[cfg(feature = "client")] {
//! use aigc_auth::{Any, AuthClient, AuthLayer, CurrentUser, RequirePermission, permissions};
//! use axum::{Router, routing::get};
//!
//! permissions! {
//!     /// Write articles.
//!     pub WriteArticle = "article:write";
//!     /// Edit what others wrote.
//!     pub EditArticle = "article:edit";
//! }
//!
//! async fn me(user: CurrentUser) -> String {
//!     format!("hello, {}", user.username)
//! }
//!
//! async fn editor(_: RequirePermission<Any<(WriteArticle, EditArticle)>>) -> &'static str {
//!     "you may edit"
//! }
//!
//! fn app(client: AuthClient) -> Router {
//!     Router::new()
//!         .route("/me", get(me))
//!         .route("/editor", get(editor))
//!         .route("/health", get(|| async { "ok" }))
//!         .layer(AuthLayer::new(client).exclude_path("/health"))
//! }
//!
//! // Or `AuthClient::from_env()`, from `AIGC_AUTH_APP_ID`, `AIGC_AUTH_APP_SECRET` and `AIGC_AUTH_BASE_URL`.
//! # fn main() -> Result<(), aigc_auth::BuildError> {
//! let client = AuthClient::builder("my-app", "its secret", "https://auth.example.com/aigc-auth").build()?;
//! let app = app(client);
//! # Ok(()) }
//! # main().unwrap();
//! # }
//! ```
//!
//! `cargo run --example quickstart` starts such a service with an auth center of its own.
//!
//! # Where to find what
//!
//! | | |
//! |---|---|
//! | [`layer`] | the middleware: who is let through, what is excluded, where it belongs |
//! | [`extract`] | handler arguments: the user, or a user with a permission, a role, the admin flag |
//! | [`permissions!`], [`roles!`], [`All`], [`Any`] | permissions and roles as types |
//! | [`context`] | who is asking, anywhere below the handler; jobs and spawned tasks |
//! | [`client`](client/index.html) | the remote auth center: its calls, and how long its answers are believed |
//! | [`jwt`](jwt/index.html) | tokens verified here: keys, key sets, claims |
//! | [`ActAsUser`], [`ActAsPolicy`] | admins who act as other users, and the audit of it |
//! | [`stats`](stats/index.html) | usage records for the auth center's bills, delivered until they are there |
//! | [`webhook`](webhook/index.html) | events from the auth center: a signed endpoint, and a sender |
//! | [`sync`](sync/index.html) | an existing table of users, kept in step: [`_joining`] |
//! | [`registry`](registry/index.html) | the service announces itself, and gets its configuration |
//! | [`outbound`](outbound/index.html) | calls to other services that carry the user |
//! | [`Verify`] | the port for a verifier of your own in place of `AuthClient` |
//! | [`AuthError`], [`ErrorKind`] | why a request was refused, and how that is answered |
//! | [`_defaults`] | every default and its reason |
//! | [`testing`](testing/index.html) | for your tests: an auth center in the process, and ready-made users |
//!
//! # Features
//!
//! - `client` (default): `AuthClient`, the remote auth center with its cache, retries and breaker. Brings reqwest, and
//!   rustls with ring.
//! - `jwt`: the module `jwt`, for tokens verified here. Brings jsonwebtoken with AWS-LC.
//! - `webhook`: the module `webhook`, for the auth center's events. Brings hmac, sha2 and moka.
//! - `stats`: the module `stats`, for usage records. Brings crossbeam-queue.
//! - `spool`: usage records on disk. Brings queue-file, fs4 and ring.
//! - `user-sync`: the module `sync`, for tables of users that were there before. Brings nothing.
//! - `postgres`, `sqlite`, `mysql`: `sync::SqlStore` for a table in PostgreSQL, in SQLite, in MySQL and MariaDB. Each brings
//!   sqlx with this database alone, and bcrypt, and needs Rust 1.94.
//! - `argon2`: with one of these, Argon2 for new passwords. Brings argon2.
//! - `registry`: the module `registry`. Brings if-addrs and gethostname.
//! - `outbound`: the module `outbound`. Brings more of reqwest, reqwest-middleware and async-trait.
//! - `test-util`: the module `testing`. Meant for `[dev-dependencies]`.
//! - `full`: all of them.
//!
//! Without any feature there are the layer, the extractors and the context, for a [`Verify`] of your own.
#![cfg_attr(docsrs, feature(doc_cfg))]

// Vocabulary: plain data and rules.
mod credential;
mod envelope;
mod error;
mod permission;
mod secret;
mod user;

// Ports and plumbing.
mod act_as;
#[cfg(any(feature = "registry", feature = "user-sync"))]
mod atomic_file;
mod audit;
#[cfg(any(feature = "registry", feature = "stats", feature = "user-sync", feature = "webhook"))]
mod backoff;
#[cfg(feature = "client")]
mod breaker;
#[cfg(feature = "client")]
mod cache;
#[cfg(feature = "client")]
// Only tests hold it, and only `testing` names it.
#[cfg_attr(not(feature = "test-util"), allow(dead_code, unreachable_pub))]
mod clock;
#[cfg(feature = "client")]
mod config;
pub mod context;
mod directory;
#[cfg(feature = "client")]
mod flights;
mod forwarded;
#[cfg(feature = "client")]
mod http_client;
mod identity;
mod invalidate;
mod record;
mod respond;
#[cfg(feature = "client")]
mod throttle;
#[cfg(feature = "client")]
mod transport;
mod verify;

// Verifiers.
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "jwt")]
pub mod jwt;

// Services of an app.
#[cfg(feature = "outbound")]
pub mod outbound;
#[cfg(feature = "registry")]
pub mod registry;
#[cfg(feature = "stats")]
pub mod stats;
#[cfg(feature = "user-sync")]
pub mod sync;
#[cfg(feature = "webhook")]
pub mod webhook;

// Edges.
pub mod extract;
pub mod layer;

// Beside them.
#[cfg(feature = "test-util")]
pub mod testing;

pub use act_as::ActAsPolicy;
pub use audit::{ActAsAttempt, AuditError, AuditSink};
#[cfg(feature = "client")]
pub use client::{AuthClient, AuthClientBuilder};
pub use credential::{AccessKey, BearerToken, Credential};
pub use directory::{Directory, UserDirectory};
pub use envelope::Envelope;
pub use error::{AuthError, BuildError, ErrorKind, Language};
pub use extract::{
    ActAsUser, CurrentUser, OptionalUser, RequestInfo, RequireAdmin, RequirePermission, RequireRole,
};
pub use forwarded::TrustedProxies;
pub use invalidate::Invalidate;
pub use layer::{AuthLayer, AuthService, GuardLayer};
pub use permission::{Admin, All, Any, Permission, Role};
pub use record::{ApiRecord, Record, Served};
pub use secret::Secret;
pub use user::{AccessKeyKind, Codes, User, UserId, UserInfo, UserInfoBuilder};
pub use verify::Verify;

#[cfg(doc)]
#[doc = include_str!("../docs/defaults.md")]
pub mod _defaults {}

#[cfg(doc)]
#[doc = include_str!("../docs/joining.md")]
pub mod _joining {}

/// The code in both README files, compiled as doctests.
#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../README.zh-CN.md")]
pub struct ReadmeDoctests;
