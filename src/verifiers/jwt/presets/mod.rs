//! Verifiers for the tokens of well-known issuers.
//!
//! Each function returns a [`JwtVerifierBuilder`](super::JwtVerifierBuilder) that knows where the issuer publishes its keys,
//! which algorithms it signs with, what tells its access tokens from the others that it signs with the same keys, and where
//! its roles, permissions and groups are. Setters change any of that; what a preset is not told keeps its default.
//!
//! | issuer | id | username | roles | permissions | groups | admin | tells access tokens by |
//! |---|---|---|---|---|---|---|---|
//! | [`keycloak`] | `sub` | `preferred_username` | `realm_access`, of a client `resource_access` | `scope` | `groups` | role `admin` | `typ`: `Bearer` |
//! | [`auth0`] | `sub` | the id | none: a claim of yours | `permissions`, `scope` | none | role `admin` | `aud` |
//! | [`entra_id`] | `oid` | `preferred_username` | `roles` | `scp` | `groups` | role `admin` | `azp` |
//! | [`cognito`] | `sub` | `username` | `role`, `roles` | `scope` | `cognito:groups` | role `admin` | `token_use`: `access` |
//! | [`casdoor`] | `sub` | `name` | names in `roles` | names in `permissions` | `groups` | `isAdmin`, role `admin` | `tokenType`: `access-token` |
//! | [`zitadel`] | `sub` | the id | names of members of the project's claim | none | none | role `admin` | `jti` |
//! | [`logto`] | `sub` | the id | `role`, `roles` | `scope` | none | role `admin` | header `typ`: `at+jwt` |
//! | [`supabase`], [`supabase_secret`] | `sub` | `email` | `role`, those in `app_metadata` | `permissions` in `app_metadata` | none | role `admin` | `aud` |
//! | [`firebase`] | `sub` | `email` | `role`, `roles` | `permissions` | none | `admin`, role `admin` | ID tokens are what services get |
//! | [`better_auth`] | `sub` | `email` | `role`, with commas between | `permissions` | none | role `admin` | `iss` |
//! | [`better_auth_oauth`] | `sub` | the id | none: a claim of yours | `scope` | none | role `admin` | header `typ`: `at+jwt` |
//! | [`autogpt`] | `sub` | `email` | `role` | `permissions` | none | role `admin` | `aud` |
//!
//! An e-mail address that the issuer calls unverified is no username; the id takes its place.
//!
//! ```
//! use aigc_auth::jwt::presets;
//!
//! let verifier = presets::keycloak("https://login.example.com/realms/main", "reports")
//!     .admin_role("realm-admin")
//!     .build()?;
//! # Ok::<(), aigc_auth::error::BuildError>(())
//! ```

mod auth0;
mod autogpt;
mod base_url;
mod better_auth;
mod casdoor;
mod cognito;
mod entra_id;
mod firebase;
mod keycloak;
mod logto;
mod supabase;
#[cfg(test)]
mod tests;
mod zitadel;

pub use auth0::auth0;
pub use autogpt::autogpt;
pub use better_auth::{better_auth, better_auth_oauth};
pub use casdoor::casdoor;
pub use cognito::cognito;
pub use entra_id::entra_id;
pub use firebase::firebase;
pub use keycloak::{keycloak, keycloak_client};
pub use logto::logto;
pub use supabase::{supabase, supabase_secret};
pub use zitadel::zitadel;
