//! Users of other apps: compare them, and authorize them for this app.

use std::fmt;

use serde::Deserialize;
use serde_json::json;

use super::client::AuthClient;
use crate::types::credential::BearerToken;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::spelling::Record;
use crate::types::user::UserInfo;
use crate::upstream::api_client::Call;

/// A user's token of an app, for [`AuthClient::compare_users`] and [`AuthClient::authorize_user_by_token`]. Its `Debug` hides
/// the token.
#[derive(Clone, Copy)]
pub struct AppToken<'a> {
    app_id: u64,
    token: &'a str,
}

impl<'a> AppToken<'a> {
    /// Names a token, and the id of the app that it was issued for. Ids are above 0.
    pub fn new(app_id: u64, token: &'a str) -> Self {
        Self { app_id, token }
    }

    /// # Errors
    /// [`ErrorKind::InvalidRequest`] for the app id 0, [`ErrorKind::InvalidCredential`] for a malformed token.
    fn checked(self) -> Result<(u64, BearerToken), AuthError> {
        if self.app_id == 0 {
            return Err(AuthError::new(ErrorKind::InvalidRequest)
                .with_detail("expected the id of an app, a number above 0, found 0"));
        }
        Ok((self.app_id, BearerToken::new(self.token)?))
    }
}

impl fmt::Debug for AppToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppToken").field("app_id", &self.app_id).finish_non_exhaustive()
    }
}

impl AuthClient {
    /// Compares the users of two apps' tokens: whether they are one user of the auth center. Since SDK 1.1.60.
    ///
    /// ```no_run
    /// # async fn example(client: aigc_auth::AuthClient) -> Result<(), aigc_auth::AuthError> {
    /// use aigc_auth::client::AppToken;
    ///
    /// let same = client.compare_users(AppToken::new(7, "eyJhbGciOi…"), AppToken::new(42, "eyJ0eXAiOi…")).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) for an app id of 0,
    /// [`InvalidCredential`](ErrorKind::InvalidCredential) for a malformed token, before anything is sent;
    /// [`Rejected`](ErrorKind::Rejected), with code 401 if one of the tokens is not valid;
    /// [`Unavailable`](ErrorKind::Unavailable).
    pub async fn compare_users(&self, source: AppToken<'_>, target: AppToken<'_>) -> Result<bool, AuthError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            // Neither null nor absent is a "no" here: the caller may give a user less than they have, or more.
            same_user: bool,
        }

        let ((source_app, source_token), (target_app, target_token)) = (source.checked()?, target.checked()?);
        let body = json!({
            "sourceAppId": source_app,
            "sourceToken": source_token.as_str(),
            "targetAppId": target_app,
            "targetToken": target_token.as_str(),
        });
        let call = Call::new("/users/compare-identity", &body);
        let call = call.secret(source_token.as_str()).secret(target_token.as_str());
        let Record(Data { same_user }) = self.inner.core.api.call(call).await?;
        Ok(same_user)
    }

    /// Authorizes the user of another app's token for this app, and returns them. Since SDK 1.1.60. Doing it again changes
    /// nothing.
    ///
    /// What is cached for that token here is invalidated, such as an earlier rejection.
    ///
    /// # Errors
    /// As [`AuthClient::compare_users`].
    pub async fn authorize_user_by_token(&self, source: AppToken<'_>) -> Result<UserInfo, AuthError> {
        let (app_id, token) = source.checked()?;
        let body = json!({ "sourceAppId": app_id, "sourceToken": token.as_str() });
        // Also when the caller is gone before the answer, which the auth center may have acted on.
        let _invalidated = InvalidateOnDrop { client: self, token: &token };
        let core = &self.inner.core;
        let subject = core.subject_of(&token);
        let call = Call::new("/users/authorize-by-token", &body).secret(token.as_str()).about(subject);
        let Record(user) = core.api.call(call).await?;
        Ok(user)
    }
}

struct InvalidateOnDrop<'a> {
    client: &'a AuthClient,
    token: &'a BearerToken,
}

impl Drop for InvalidateOnDrop<'_> {
    fn drop(&mut self) {
        self.client.invalidate(self.token.as_str());
    }
}
