use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// What an app has got for a code: access tokens, and a refresh token that is another one after each use.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Grant {
    pub(super) session_id: String,
    pub(super) username: String,
    pub(super) app_id: String,
    pub(super) scope: String,
    pub(super) since: SystemTime,
    pub(super) expires_at: SystemTime,
    /// The part of the refresh token that changes.
    pub(super) secret: String,
    /// Access tokens, with their ends: to be revoked by a sign-out.
    pub(super) access_tokens: Vec<(String, SystemTime)>,
}

/// A refresh token: the id of its grant, and the secret of its turn. An old secret names the grant as well, and so ends it.
pub(super) struct RefreshToken<'a> {
    pub(super) grant: &'a str,
    pub(super) secret: &'a str,
}

impl<'a> RefreshToken<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (grant, secret) = text.strip_prefix("rt_")?.split_once('.')?;
        Some(Self { grant, secret })
    }

    pub(super) fn format(grant: &str, secret: &str) -> String {
        format!("rt_{grant}.{secret}")
    }
}
