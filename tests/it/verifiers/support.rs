//! A verifier that says what a test wants.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use aigc_auth::credential::{AccessKey, BearerToken};
use aigc_auth::error::ErrorKind;
use aigc_auth::impersonation::{Directory, UserDirectory};
use aigc_auth::{AuthError, UserId, UserInfo, Verify};
use tokio::sync::Semaphore;

use crate::support::{Guard, Signal};

/// What the verifier does next.
#[derive(Clone, Debug)]
pub(crate) enum Say {
    Accept,
    /// Accepts, and names this end.
    Until(SystemTime),
    Fail(AuthError),
    Panic,
    Hang,
}

impl From<ErrorKind> for Say {
    fn from(kind: ErrorKind) -> Self {
        Self::Fail(kind.into())
    }
}

/// Keeps what it was asked. Clones are one.
#[derive(Clone)]
pub(crate) struct Scripted {
    say: Arc<Mutex<Say>>,
    asked: Arc<Mutex<Vec<String>>>,
    /// Answers wait for it.
    pub(crate) gate: Arc<Semaphore>,
    /// A verification has ended, or was dropped.
    pub(crate) ended: Signal,
}

impl Scripted {
    pub(crate) fn new(say: impl Into<Say>) -> Self {
        Self {
            say: Arc::new(Mutex::new(say.into())),
            asked: Arc::default(),
            gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            ended: Signal::default(),
        }
    }

    /// Answers only once `gate` lets it.
    pub(crate) fn held(say: impl Into<Say>) -> Self {
        Self { gate: Arc::new(Semaphore::new(0)), ..Self::new(say) }
    }

    pub(crate) fn say(&self, say: impl Into<Say>) {
        *self.say.lock().unwrap() = say.into();
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    async fn answer(&self, credential: &str) -> Result<UserInfo, AuthError> {
        self.asked.lock().unwrap().push(credential.to_owned());
        let _guard = Guard(self.ended.clone());
        let say = self.say.lock().unwrap().clone();
        let _passed = self.gate.acquire().await.unwrap();
        let user = UserInfo::builder(7, "alice");
        match say {
            Say::Accept => Ok(user.build()),
            Say::Until(end) => Ok(user.valid_until(end).build()),
            Say::Fail(error) => Err(error),
            Say::Panic => panic!("in the verifier"),
            Say::Hang => pending().await,
        }
    }
}

impl Verify<BearerToken> for Scripted {
    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        self.answer(token.as_str()).await
    }

    fn app_id(&self) -> Option<Arc<str>> {
        Some("scripted".into())
    }

    fn directory(&self) -> Option<Directory> {
        Some(Directory::new(Nobody))
    }
}

impl Verify<AccessKey> for Scripted {
    async fn verify(&self, key: AccessKey) -> Result<UserInfo, AuthError> {
        self.answer(key.as_str()).await
    }

    fn app_id(&self) -> Option<Arc<str>> {
        Some("scripted".into())
    }

    fn directory(&self) -> Option<Directory> {
        Some(Directory::new(Nobody))
    }
}

struct Nobody;

impl UserDirectory for Nobody {
    async fn find_user(&self, _: &UserId) -> Result<Option<UserInfo>, AuthError> {
        Ok(None)
    }
}

pub(crate) fn token(text: &str) -> BearerToken {
    BearerToken::new(text).unwrap()
}

/// The kind of the error, if it is one.
pub(crate) fn kind(outcome: &Result<UserInfo, AuthError>) -> Option<ErrorKind> {
    outcome.as_ref().err().map(AuthError::kind)
}
