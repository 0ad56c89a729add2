//! The remote auth center: [`AuthClient`](crate::AuthClient), its cache and its calls.
//!
//! # Caching
//!
//! A verified user is cached for 300 s (the TTL), never past the token's own `exp`. From 70 to 90 % of the TTL on, at random, the next
//! request starts a refresh in the background. Past the TTL, requests wait for a fresh answer; only while the auth center
//! is unavailable, the expired one is served for up to 300 s more (stale-if-error). A rejection is cached for 5 s (the
//! negative TTL). Failures are never cached. [`invalidate`](crate::AuthClient::invalidate),
//! [`invalidate_user`](crate::AuthClient::invalidate_user) and [`clear_cache`](crate::AuthClient::clear_cache) take effect
//! at once, and include answers that are still being fetched.

mod access_key;
pub(crate) mod builder;
mod calls;
mod check;
#[allow(clippy::module_inception)]
pub(crate) mod client;
mod core;
#[cfg(feature = "user-sync")]
mod current_user;
mod directory;
mod feishu;
mod groups;
mod lookup;
mod new_access_key;
mod other_apps;
mod sync;
mod user_by_id;
mod users;
mod verdict;

pub use access_key::AccessKeyInfo;
pub use calls::{TokenStatus, WebhookId};
#[cfg(any(
    feature = "outbound",
    feature = "registry",
    feature = "stats",
    feature = "user-sync",
    feature = "webhook"
))]
pub(crate) use client::AuthClient;
pub use feishu::{
    FeishuMessage, FeishuTokenRequest, FeishuUser, FeishuUserToken, NewFeishuUser, SentFeishuMessage,
};
pub use new_access_key::{CreatedAccessKey, NewAccessKey};
pub use other_apps::AppToken;
pub use sync::{SyncOutcome, SyncReport, SyncUser};
pub use users::{FoundUsers, UserPage, Users};
