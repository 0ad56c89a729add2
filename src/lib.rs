//! Tower middleware and axum extractors for services that trust an AIGC auth center.
#![cfg_attr(docsrs, feature(doc_cfg))]

// Vocabulary: plain data and rules.
mod credential;
mod envelope;
mod error;
mod permission;
mod secret;
mod user;

// Ports and plumbing.
#[cfg(feature = "client")]
mod breaker;
#[cfg(any(feature = "client", feature = "test-util"))]
mod clock;
#[cfg(feature = "client")]
mod config;
pub mod context;
mod forwarded;
mod identity;
mod respond;
#[cfg(feature = "client")]
mod transport;
mod verify;

// Verifiers.
#[cfg(feature = "client")]
pub mod client;

// Edges.
pub mod extract;
pub mod layer;

// Beside them.
#[cfg(feature = "test-util")]
pub mod testing;

#[cfg(feature = "client")]
pub use client::{AuthClient, AuthClientBuilder};
pub use credential::{AccessKey, BearerToken, Credential};
pub use envelope::Envelope;
pub use error::{AuthError, BuildError, ErrorKind, Language};
pub use extract::{CurrentUser, OptionalUser, RequestInfo, RequireAdmin, RequirePermission, RequireRole};
pub use forwarded::TrustedProxies;
pub use layer::{AuthLayer, AuthService, GuardLayer};
pub use permission::{Admin, All, Any, Permission, Role};
pub use secret::Secret;
pub use user::{AccessKeyKind, Codes, User, UserId, UserInfo, UserInfoBuilder};
pub use verify::Verify;
