//! From a credential to its user: what is cached, what is fetched, and what is said when it cannot be told.

use std::sync::Arc;
use std::time::SystemTime;

use serde::Deserialize;

use super::{AuthClient, Core, access_key, directory, expiry};
use crate::cache::{Key, Known};
use crate::context::InContext;
use crate::credential::Credential;
use crate::error::{AuthError, ErrorKind};
use crate::flights::NoAnswer;
use crate::transport::Call;
use crate::user::{User, UserId, UserInfo};

/// What is looked up.
#[derive(Clone)]
pub(super) enum Question {
    /// Whose credential is it?
    Credential(Credential),
    /// Who has this id?
    Id(UserId),
}

/// What a look-up brings back.
#[derive(Clone)]
pub(super) struct Answer {
    verdict: Result<UserInfo, AuthError>,
    /// When it was asked for.
    epoch: u64,
}

/// A user, fresh from the center.
pub(super) struct Fetched {
    pub(super) user: UserInfo,
    /// When the center or the token itself says that it ends.
    pub(super) limit: Option<SystemTime>,
}

/// How often an answer that was invalidated while it was on its way is asked for again.
const ATTEMPTS: usize = 3;

impl AuthClient {
    /// What the cache knows, which is told at once; what is ageing is refreshed meanwhile.
    pub(super) fn known_by(
        &self,
        key: Key,
        question: impl FnOnce() -> Question,
    ) -> Option<Result<UserInfo, AuthError>> {
        match self.inner.core.cache.get(key) {
            Known::User(user) => Some(Ok(user)),
            Known::Ageing(user) => {
                // It was checked when it was first seen, or it would not be here.
                let question = question();
                // Full or without a runtime: the next request tries again.
                let _ = self.inner.flights.start(key, || look_up(self.inner.core.clone(), key, question));
                Some(Ok(user))
            }
            Known::Refused(error) => Some(Err(error)),
            Known::Nothing => None,
        }
    }

    pub(super) async fn look_up(&self, question: Question) -> Result<UserInfo, AuthError> {
        let key = self.inner.core.key(&question);
        if let Some(known) = self.known_by(key, || question.clone()) {
            return known;
        }
        let core = &self.inner.core;
        for _ in 0..ATTEMPTS {
            let question = question.clone();
            let joined = self.inner.flights.join(key, || look_up(core.clone(), key, question)).await;
            let Answer { verdict, epoch } = joined.map_err(|no_answer| match no_answer {
                NoAnswer::Full => unavailable("too many look-ups are under way"),
                NoAnswer::Lost => {
                    AuthError::new(ErrorKind::Internal).with_detail("the look-up ended without an answer")
                }
            })?;
            match verdict {
                Ok(user) if core.cache.is_stale(key, &user, epoch) => {}
                Err(error) if is_refusal(&error) && core.cache.is_stale_refusal(key, epoch) => {}
                verdict => return verdict,
            }
        }
        Err(unavailable("the user was changed again and again while being looked up"))
    }
}

/// Asks the center and puts the answer into the cache. Runs in a task of its own, in the context of who asked first.
fn look_up(core: Arc<Core>, key: Key, question: Question) -> impl Future<Output = Answer> + Send + 'static {
    async move {
        let epoch = core.cache.epoch();
        // Since whoever started this looked, an earlier look-up may have landed.
        match core.cache.get(key) {
            Known::User(user) => return Answer { verdict: Ok(user), epoch },
            Known::Refused(error) => return Answer { verdict: Err(error), epoch },
            Known::Ageing(_) | Known::Nothing => {}
        }
        let error = match core.fetch(&question).await {
            Ok(Fetched { user, limit }) => {
                core.cache.keep(key, &user, limit, epoch);
                return Answer { verdict: Ok(user), epoch };
            }
            Err(error) => error,
        };
        if is_refusal(&error) {
            core.cache.keep_refusal(key, &error, epoch);
            return Answer { verdict: Err(error), epoch };
        }
        match core.cache.last_known(key) {
            Some((user, epoch)) => {
                core.cache.postpone_refresh(key);
                tracing::debug!(%error, user_id = %user.id, "the last known answer stands in");
                Answer { verdict: Ok(user), epoch }
            }
            None => Answer { verdict: Err(error), epoch },
        }
    }
    .in_current_context()
}

impl Core {
    async fn fetch(&self, question: &Question) -> Result<Fetched, AuthError> {
        let credential = match question {
            Question::Credential(credential) => credential,
            Question::Id(id) => return directory::fetch(self, id).await,
        };
        let fetched = match credential {
            Credential::Bearer(token) => self.fetch_user(token.as_str()).await,
            Credential::AccessKey(key) => access_key::fetch(self, key.as_str()).await,
        };
        fetched.map_err(|error| verdict(error, credential))
    }

    async fn fetch_user(&self, token: &str) -> Result<Fetched, AuthError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            #[serde(flatten)]
            user: User,
            #[serde(default)]
            expires_at: Option<serde_json::Value>,
        }

        let body = serde_json::json!({ "token": token });
        let call = Call::new("/user/info", &body).secret(token);
        let Data { user, expires_at } = self.transport.call(call).await?;
        let mut user = UserInfo::from(user);
        self.cache.share_lists(&mut user);
        let said = expires_at.as_ref().and_then(expiry::parse);
        let limit = [said, expiry::of_jwt(token)].into_iter().flatten().min();
        Ok(Fetched { user, limit })
    }
}

/// What a business code says of the credential. All but the three known ones say nothing: it could not be told.
pub(super) fn verdict(error: AuthError, credential: &Credential) -> AuthError {
    if error.kind() != ErrorKind::Rejected {
        return error;
    }
    let code = error.code();
    let refusal = match (code, credential) {
        (401 | 404, Credential::Bearer(_)) => AuthError::new(ErrorKind::InvalidCredential),
        (401 | 404, Credential::AccessKey(_)) => AuthError::invalid_access_key(),
        (403, _) => AuthError::new(ErrorKind::Denied),
        _ => AuthError::new(ErrorKind::Unavailable),
    };
    let refusal = refusal.with_code(code);
    match error.detail() {
        Some(detail) => refusal.with_detail(detail.to_owned()),
        None => refusal,
    }
}

/// Whether the center has made up its mind.
fn is_refusal(error: &AuthError) -> bool {
    matches!(error.kind(), ErrorKind::InvalidCredential | ErrorKind::Denied | ErrorKind::UnknownUser)
}

fn unavailable(detail: &'static str) -> AuthError {
    AuthError::new(ErrorKind::Unavailable).with_detail(detail)
}

#[cfg(all(test, feature = "test-util"))]
mod tests {
    use super::*;
    use crate::testing::{self, AuthCenter};

    #[tokio::test]
    async fn a_look_up_that_starts_as_another_lands_asks_nobody() {
        let center = AuthCenter::start().await;
        center.add_user(testing::user("alice"));
        center.add_token("token", "alice");
        let client = AuthClient::builder(center.app_id(), center.app_secret(), center.url()).build().unwrap();
        for (token, accepted) in [("token", true), ("another", false)] {
            center.clear_requests();
            let question = Question::Credential(Credential::new(token).unwrap());
            let key = client.inner.core.key(&question);
            for _ in 0..2 {
                // As a caller does who found nothing in the cache a moment ago.
                let core = client.inner.core.clone();
                let answer = client.inner.flights.join(key, || look_up(core, key, question.clone())).await;
                assert_eq!(answer.ok().map(|answer| answer.verdict.is_ok()), Some(accepted));
            }
            assert_eq!(center.calls("/user/info"), 1);
        }
    }
}
