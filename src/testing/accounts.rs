//! Users and their credentials.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::rejection::Rejection;
use super::test_key::TestKey;
use super::tracked::Tracked;
use crate::types::user::{UserId, UserInfo};

/// The only status that may log in; a user without a status is active, too.
const ACTIVE: &str = "active";

#[derive(Default)]
pub(super) struct Accounts {
    pub(super) users: Tracked<BTreeMap<Box<str>, UserInfo>>,
    pub(super) tokens: Tracked<HashMap<String, Token>>,
    pub(super) keys: Tracked<HashMap<String, IssuedKey>>,
    pub(super) keys_issued: u64,
    texts_made: u64,
    /// Makes the random part of a credential, where it must not be guessed.
    pub(super) random: Option<Random>,
}

/// Makes a text that nobody guesses.
#[derive(Clone)]
pub(super) struct Random(pub(super) Arc<dyn Fn() -> String + Send + Sync>);

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random")
    }
}

#[derive(Deserialize, Serialize)]
pub(super) struct Token {
    pub(super) username: String,
    pub(super) expires_at: Option<SystemTime>,
    /// The app whose token it is.
    pub(super) app_id: Arc<str>,
    /// Further apps that accept it.
    pub(super) authorized: BTreeSet<Arc<str>>,
}

pub(super) struct IssuedKey {
    pub(super) id: u64,
    pub(super) key: TestKey,
}

impl Token {
    pub(super) fn new(username: String, app_id: Arc<str>, expires_at: Option<SystemTime>) -> Self {
        Self { username, expires_at, app_id, authorized: BTreeSet::new() }
    }

    fn is_live(&self, now: SystemTime) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

impl Accounts {
    pub(super) fn put(&mut self, user: UserInfo) {
        self.users.insert(user.username().into(), user);
    }

    /// Makes a token of a user, for this app. Returns its text.
    pub(super) fn make_token(&mut self, app: &Arc<str>, username: String, expires_at: SystemTime) -> String {
        let text = self.new_text("token_");
        self.tokens.insert(text.clone(), Token::new(username, Arc::clone(app), Some(expires_at)));
        text
    }

    /// Removes the tokens that have expired, which are nobody's any more.
    pub(super) fn purge(&mut self) {
        let now = SystemTime::now();
        self.tokens.retain(|_, token| token.is_live(now));
    }

    /// Adds an access key. Returns its id.
    pub(super) fn issue(&mut self, text: String, key: TestKey) -> u64 {
        self.keys_issued += 1;
        self.keys.insert(text, IssuedKey { id: self.keys_issued, key });
        self.keys_issued
    }

    /// Makes an access key. Returns its text and its id.
    pub(super) fn make_key(&mut self, key: TestKey) -> (String, u64) {
        let text = self.new_text("ak_");
        let id = self.issue(text.clone(), key);
        (text, id)
    }

    /// Returns a text that no credential has. It does not return one twice: a client may have cached a revoked one.
    fn new_text(&mut self, prefix: &str) -> String {
        loop {
            self.texts_made += 1;
            let text = match &self.random {
                Some(Random(random)) => format!("{prefix}{}", random()),
                None => format!("{prefix}{:06}_made_by_the_test_center", self.texts_made),
            };
            if !self.tokens.contains_key(&text) && !self.keys.contains_key(&text) {
                return text;
            }
        }
    }

    /// Returns a token that this app accepts, unless it is unknown or has expired.
    pub(super) fn token(&self, app: &str, token: &str) -> Option<&Token> {
        self.valid_token(token).filter(|token| *token.app_id == *app || token.authorized.contains(app))
    }

    /// Returns a token that the app with this number has issued. An app whose own id is not a number has tokens of any.
    fn token_of_app(&self, app_id: u64, token: &str) -> Option<&Token> {
        self.valid_token(token).filter(|token| token.app_id.parse().map_or(true, |id: u64| id == app_id))
    }

    fn valid_token(&self, token: &str) -> Option<&Token> {
        self.tokens.get(token).filter(|token| token.is_live(SystemTime::now()))
    }

    /// Returns a user, if they exist and may log in.
    pub(super) fn user(&self, username: &str) -> Result<&UserInfo, Rejection> {
        let user = self.users.get(username).ok_or(Rejection::not_found("no such user"))?;
        if is_active(user) { Ok(user) } else { Err(Rejection::business(403, "the user is disabled")) }
    }

    /// Returns the user of a token that this app accepts.
    pub(super) fn authenticate(&self, app: &str, token: &str) -> Result<&UserInfo, Rejection> {
        self.user_of(self.token(app, token))
    }

    /// Returns the user of a token that the app with this number has issued.
    pub(super) fn authenticate_at(&self, app_id: u64, token: &str) -> Result<&UserInfo, Rejection> {
        self.user_of(self.token_of_app(app_id, token))
    }

    /// Makes this app accept a token that the app with this number has issued. Returns its user.
    pub(super) fn authorize(
        &mut self,
        app: &Arc<str>,
        app_id: u64,
        token: &str,
    ) -> Result<&UserInfo, Rejection> {
        self.authenticate_at(app_id, token)?;
        if let Some(token) = self.tokens.get_mut(token)
            && token.app_id != *app
        {
            token.authorized.insert(Arc::clone(app));
        }
        self.authenticate(app, token)
    }

    /// Returns the user of any token or access key, to show whose call it is.
    pub(super) fn owner(&self, credential: &str) -> Option<&str> {
        let by_token = self.tokens.get(credential).map(|token| token.username.as_str());
        by_token.or_else(|| self.keys.get(credential)?.key.username.as_deref())
    }

    fn user_of(&self, token: Option<&Token>) -> Result<&UserInfo, Rejection> {
        let token = token.ok_or(Rejection::business(401, "the token is invalid or has expired"))?;
        self.user(&token.username)
    }

    pub(super) fn by_id(&self, id: &UserId) -> Option<&UserInfo> {
        self.users.values().find(|user| user.id() == id)
    }
}

pub(super) fn is_active(user: &UserInfo) -> bool {
    user.status().is_none_or(|status| status == ACTIVE)
}
