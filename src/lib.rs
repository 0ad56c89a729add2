//! Tower middleware and axum extractors for services that trust an AIGC auth center.
//!
//! [`AuthLayer`] authenticates requests by a token or an access key (`Authorization: Bearer …`) and rejects
//! unauthenticated ones: 401 without a valid credential, 403 for users who are not admitted, 503 while the credential
//! cannot be verified. `AuthClient` verifies credentials at the auth center, caches the answers, and serves cached users
//! through outages. Handlers take the user as an argument:
//!
//! ```
//! # #[cfg(feature = "client")] {
//! use aigc_auth::permission::AnyOf;
//! use aigc_auth::{AuthClient, AuthLayer, CurrentUser, RequirePermission, permissions};
//! use axum::{Router, routing::get};
//!
//! permissions! {
//!     /// Write articles.
//!     pub WriteArticle = "article:write";
//!     /// Edit the articles of others.
//!     pub EditArticle = "article:edit";
//! }
//!
//! async fn me(CurrentUser(user): CurrentUser) -> String {
//!     format!("hello, {}", user.username())
//! }
//!
//! async fn editor(_: RequirePermission<AnyOf<(WriteArticle, EditArticle)>>) -> &'static str {
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
//! # fn main() -> Result<(), aigc_auth::error::BuildError> {
//! let client = AuthClient::builder("my-app", "its secret", "https://auth.example.com/aigc-auth").build()?;
//! let app = app(client);
//! # Ok(()) }
//! # main().unwrap();
//! # }
//! ```
//!
//! `cargo run -p quickstart` in the repository starts such a service with an auth center of its own. The guides are in
//! [`_guide`].
//!
//! # Where to find what
//!
//! | | |
//! |---|---|
//! | [`AuthLayer`], [`layer`] | the middleware: which requests pass, which paths are excluded, where it belongs |
//! | [`CurrentUser`], [`extract`] | handler arguments: the user, or a user with a permission, a role, a group, the admin flag |
//! | [`permissions!`], [`roles!`], [`groups!`], [`permission`] | permissions, roles and groups as types, and their combinations |
//! | [`UserInfo`], [`UserId`], [`user`] | the user |
//! | [`context`] | the current user and request, anywhere below the handler; jobs and spawned tasks |
//! | `AuthClient`, [`client`](client/index.html) | the remote auth center: its calls, the cache and its TTLs, the circuit breaker |
//! | [`cached`](cached/index.html) | the same cache and limits for any other verifier |
//! | [`cluster`](cluster/index.html) | replicas that invalidate together, over Redis or a bus of your own |
//! | [`claims`](claims/index.html) | from a token's claims to the user; access tokens and others |
//! | [`introspection`](introspection/index.html) | opaque tokens, by asking who issued them (RFC 7662) |
//! | [`jwt`](jwt/index.html) | local verification of tokens: keys, key sets, claims; beside another verifier |
//! | [`forward_auth`] | the same for services in any language behind nginx, Caddy, Traefik, Envoy |
//! | [`revocation`](revocation/index.html) | tokens that end before they expire: log-out, by token, session and user |
//! | [`ActAsUser`], [`impersonation`] | admins who act as other users, and the audit of it |
//! | [`tenant`], [`org_actions!`] | organisations and teams: the tenant of a request, and what its roles may do |
//! | [`service`] | callers that are services: their tokens, their scopes, and tokens of our own |
//! | [`stats`](stats/index.html), [`usage`] | usage records that the auth center bills from |
//! | [`webhook`](webhook/index.html), [`invalidate`] | events from the auth center: a signed endpoint, and a sender |
//! | [`user_sync`](user_sync/index.html) | keep an existing table of users in step with the auth center |
//! | [`registry`](registry/index.html) | register the service, send heartbeats, receive its configuration |
//! | [`outbound`](outbound/index.html) | calls to other services on the user's behalf |
//! | [`metrics`](metrics/index.html) | what happens inside as metrics, for Prometheus and others |
//! | [`observer`] | what happens inside: lookups, refusals, outages, for metrics and alerts |
//! | [`Verify`] | the port for a verifier of your own in place of `AuthClient` |
//! | [`AuthError`], [`error`] | why a request was refused, and the response |
//! | [`openapi`](openapi/index.html), [`requirement_of!`] | OpenAPI: who may call what, read from handlers and layers |
//! | [`grpc`](grpc/index.html) | services of tonic: the user, permissions, errors |
//! | [`testing`](testing/index.html) | for your tests: an auth center in the process, and signed-in users |
//!
//! # Features
//!
//! - `client` (default): `AuthClient`, the remote auth center with cache, retries and circuit breaker. Adds reqwest, and
//!   rustls with ring.
//! - `jwt`: the module `jwt`, local verification of tokens. Adds AWS-LC.
//! - `webhook`: the module `webhook`, the auth center's events. Adds hmac, sha2 and moka.
//! - `stats`: the module `stats`, usage records. Adds crossbeam-queue.
//! - `spool`: usage records on disk. Adds queue-file and fs4.
//! - `user-sync`: the module `user_sync`, for existing tables of users. Adds nothing.
//! - `postgres`, `sqlite`, `mysql`: `user_sync::SqlStore` for a table in PostgreSQL, in SQLite, in MySQL and MariaDB. Each
//!   adds sqlx with this database alone, and bcrypt, and needs Rust 1.94. With `postgres`, `cluster::PostgresBus`.
//! - `argon2`: with one of these, Argon2 for new passwords. Adds argon2.
//! - `redis`: `cluster::RedisCluster`, replicas that invalidate together; with `jwt`, `revocation::RedisRevocations`, a list that they
//!   share; with `webhook`, `webhook::RedisReplays`. Adds the crate redis.
//! - `registry`: the module `registry`. Adds if-addrs and gethostname.
//! - `metrics`: the module `metrics`, an observer that records metrics. Adds the crate metrics.
//! - `outbound`: the module `outbound`. Adds more of reqwest, reqwest-middleware and async-trait.
//! - `tonic`: the module `grpc`, for services of tonic. Adds tonic with its server.
//! - `utoipa`: the module `openapi`, for documents of utoipa. Adds utoipa.
//! - `test-util`: the module `testing`. Meant for `[dev-dependencies]`.
//! - `full`: all of them.
//!
//! Without any feature there are the layer, the extractors and the context, for a [`Verify`] of your own.
#![cfg_attr(docsrs, feature(doc_cfg))]

// The layers: each uses only those above it; `server` and `testing` use nothing below `request`. Blank lines keep rustfmt
// from sorting them.
mod types;

mod util;

mod ports;

mod request;

#[cfg(feature = "client")]
mod upstream;

#[cfg(feature = "client")]
mod verifiers;

#[cfg(feature = "client")]
mod services;

mod server;

#[cfg(feature = "test-util")]
pub mod testing;

pub use ports::verify::Verify;
pub use server::extract::act_as_user::ActAsUser;
pub use server::extract::current_user::CurrentUser;
pub use server::extract::optional_user::OptionalUser;
pub use server::extract::require_group::RequireGroup;
pub use server::extract::require_permission::{RequireAdmin, RequirePermission};
pub use server::extract::require_role::RequireRole;
pub use server::layer::layer::AuthLayer;
pub use types::error::auth_error::AuthError;
pub use types::permission::Permission;
pub use types::secret::Secret;
pub use types::user::id::UserId;
pub use types::user::info::UserInfo;
#[cfg(feature = "client")]
pub use verifiers::client::builder::AuthClientBuilder;
#[cfg(feature = "client")]
pub use verifiers::client::client::AuthClient;

pub use ports::observer;
pub use request::context;
#[cfg(feature = "utoipa")]
pub use request::openapi;
pub use server::layer::forward_auth;
pub use server::{extract, layer};
#[cfg(feature = "metrics")]
pub use services::metrics;
#[cfg(feature = "outbound")]
pub use services::outbound;
#[cfg(feature = "registry")]
pub use services::registry;
#[cfg(feature = "jwt")]
pub use services::revocation;
#[cfg(feature = "stats")]
pub use services::stats;
#[cfg(feature = "user-sync")]
pub use services::user_sync;
#[cfg(feature = "webhook")]
pub use services::webhook;
#[cfg(feature = "client")]
pub use upstream::cluster;
#[cfg(feature = "client")]
pub use verifiers::cached;
#[cfg(feature = "client")]
pub use verifiers::client;
#[cfg(feature = "client")]
pub use verifiers::introspection;
#[cfg(feature = "jwt")]
pub use verifiers::jwt;

#[cfg(feature = "tonic")]
pub use server::grpc;

#[cfg(feature = "client")]
pub mod claims {
    //! What tokens say, in their claims or in an answer about them: of which user they are, and of which kind.
    pub use crate::types::claims::{ClaimsMapping, TokenKind};
}

pub mod credential {
    //! Credentials: bearer tokens and access keys.
    pub use crate::types::credential::{AccessKey, BearerToken, Credential};
}

pub mod error {
    //! Kinds of [`AuthError`](crate::AuthError), the answers to them, and configuration errors.
    pub use crate::request::refusals::{ErrorResponder, Refusal};
    pub use crate::types::envelope::Envelope;
    pub use crate::types::error::{BuildError, ErrorKind, Language};
}

pub mod impersonation {
    //! Admins who act as other users: who may act as whom, how targets are found, how attempts are audited.
    pub use crate::ports::audit::{ActAsAttempt, ActAsTenant, AuditError, AuditSink};
    pub use crate::ports::user_directory::{Directory, UserDirectory};
    pub use crate::request::impersonation::ActAsPolicy;
}

pub mod invalidate {
    //! Invalidate cached users when they change.
    pub use crate::ports::invalidate::{Invalidate, SpreadError};
    pub use crate::ports::invalidation::Invalidation;
    pub use crate::types::credential_tag::{CredentialTag, ParseTagError};
}

pub mod permission {
    //! Permissions, roles, groups and actions as types, and their combinations.
    pub use crate::types::code::{Action, Code};
    pub use crate::types::permission::{Admin, AllOf, AnyOf, Group, Role};
    pub use crate::types::requirement::Requirement;
    pub use crate::types::requires::Requires;
    pub use crate::types::tenant::action::{OrgAction, TeamAction};
}

pub mod readiness {
    //! Say whether a service is ready: [`Readiness`] answers load balancers and Kubernetes.
    pub use crate::ports::readiness::{PartState, ReadinessProbe};
    pub use crate::server::readiness::Readiness;
}

pub mod tenant {
    //! Whose data a request is about: organisations and teams, memberships, and what their roles may do.
    //!
    //! The extractors [`CurrentTenant`], [`RequireOrg`] and [`RequireTeam`] find the organisation and the team of a request
    //! by the layer's [`TenantPolicy`], and ask [`Memberships`]. What roles may do is declared by
    //! [`org_actions!`](crate::org_actions) and [`team_actions!`](crate::team_actions).
    pub use crate::ports::memberships::{Memberships, Recalled};
    pub use crate::request::tenant::TenantPolicy;
    pub use crate::server::extract::current_tenant::CurrentTenant;
    pub use crate::server::extract::require_action::{RequireOrg, RequireTeam};
    #[cfg(feature = "client")]
    pub use crate::services::tenant::{CachedMemberships, CachedMembershipsBuilder};
    #[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
    pub use crate::services::tenant::{
        MemberTable, OrgTable, SqlMemberships, SqlMembershipsBuilder, TeamTable,
    };
    pub use crate::types::tenant::{
        Membership, MembershipBuilder, NoMembership, OrgId, TeamId, Tenant, TenantBinding,
    };
}

pub mod service {
    //! Callers that are services: no user, a name, and scopes.
    //!
    //! [`CurrentService`] and [`RequireService`] extract them. With the feature `jwt`, `ServiceVerifier` verifies their tokens,
    //! which have an audience and a subject of their own, and `WithServices` takes both kinds of callers; with `outbound` as
    //! well, `ServiceSigner` makes the tokens for calls to others. The guide is [`services`](crate::_guide::services).
    pub use crate::server::extract::current_service::CurrentService;
    pub use crate::server::extract::require_service::RequireService;
    #[cfg(all(feature = "jwt", feature = "outbound"))]
    pub use crate::services::outbound::signer::{
        ServiceKey, ServiceSigner, ServiceSignerBuilder, ServiceToken,
    };
    pub use crate::types::service::ServiceIdentity;
    #[cfg(feature = "jwt")]
    pub use crate::verifiers::jwt::service::{ServiceVerifier, ServiceVerifierBuilder, WithServices};
}

pub mod usage {
    //! Record the calls that users made: the port that [`AuthLayer::with_stats`](crate::AuthLayer::with_stats) takes.
    pub use crate::ports::usage::{ApiRecord, Record, Served};
}

pub mod user {
    //! The parts of a [`UserInfo`](crate::UserInfo), and its builder.
    pub use crate::types::user::{AccessKeyKind, Codes, CodesIter, FeishuIds, UserGroup, UserInfoBuilder};
}

/// What [`requirement_of!`] needs.
#[doc(hidden)]
pub mod __handler {
    pub use crate::types::handler::{Absent, Argument, HasArguments, Known, Unknown, all, arguments};
}

/// What the fuzz targets reach beside the API. It may change with any version.
#[cfg(all(feature = "jwt", feature = "test-util"))]
#[doc(hidden)]
pub mod __fuzz {
    pub use crate::upstream::api_client::fuzz::{retry_after, user_at_once, user_of_tree, users};
    pub use crate::verifiers::jwt::fuzz::is_signed_by;
}

// Its doctests need every feature.
#[cfg(all(doc, any(feature = "full", not(doctest))))]
pub mod _guide;
