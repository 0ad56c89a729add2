//! Users and their credentials.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use super::rejection::Rejection;
use super::test_key::TestKey;
use crate::types::user::{UserId, UserInfo};

/// The only status that may log in; a user without a status is active, too.
const ACTIVE: &str = "active";

pub(super) struct Accounts {
    /// This app's id, where it is a number as those of other apps are.
    app_id: Option<u64>,
    pub(super) users: BTreeMap<Box<str>, UserInfo>,
    pub(super) tokens: HashMap<String, Token>,
    pub(super) keys: HashMap<String, IssuedKey>,
    keys_issued: u64,
    texts_made: u64,
}

pub(super) struct Token {
    pub(super) username: String,
    pub(super) expires_at: Option<SystemTime>,
    pub(super) issuer: Issuer,
}

/// The app whose token it is.
pub(super) enum Issuer {
    ThisApp,
    OtherApp {
        app_id: u64,
        /// Whether this app accepts the token, too.
        authorized: bool,
    },
}

pub(super) struct IssuedKey {
    pub(super) id: u64,
    pub(super) key: TestKey,
}

impl Accounts {
    pub(super) fn new(app_id: &str) -> Self {
        Self {
            app_id: app_id.parse().ok(),
            users: BTreeMap::new(),
            tokens: HashMap::new(),
            keys: HashMap::new(),
            keys_issued: 0,
            texts_made: 0,
        }
    }

    pub(super) fn put(&mut self, user: UserInfo) {
        self.users.insert(user.username().into(), user);
    }

    /// Adds a token that an app with this id has issued.
    pub(super) fn put_app_token(&mut self, app_id: u64, text: String, username: String) {
        let issuer = if self.app_id == Some(app_id) {
            Issuer::ThisApp
        } else {
            Issuer::OtherApp { app_id, authorized: false }
        };
        self.tokens.insert(text, Token { username, expires_at: None, issuer });
    }

    /// Makes a token of a user. Returns its text.
    pub(super) fn make_token(&mut self, username: String, expires_at: SystemTime) -> String {
        let text = self.new_text("token_");
        let token = Token { username, expires_at: Some(expires_at), issuer: Issuer::ThisApp };
        self.tokens.insert(text.clone(), token);
        text
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
            let text = format!("{prefix}{:06}_made_by_the_test_center", self.texts_made);
            if !self.tokens.contains_key(&text) && !self.keys.contains_key(&text) {
                return text;
            }
        }
    }

    /// Returns a token that this app accepts, unless it is unknown or has expired.
    pub(super) fn token(&self, token: &str) -> Option<&Token> {
        self.valid_token(token).filter(|token| match token.issuer {
            Issuer::ThisApp => true,
            Issuer::OtherApp { authorized, .. } => authorized,
        })
    }

    /// Returns a token that this app has issued. An app whose own id is not a number has tokens of any id.
    fn token_of_app(&self, app_id: u64, token: &str) -> Option<&Token> {
        self.valid_token(token).filter(|token| match token.issuer {
            Issuer::ThisApp => self.app_id.is_none_or(|this| this == app_id),
            Issuer::OtherApp { app_id: issuer, .. } => issuer == app_id,
        })
    }

    fn valid_token(&self, token: &str) -> Option<&Token> {
        self.tokens
            .get(token)
            .filter(|token| token.expires_at.is_none_or(|expires_at| SystemTime::now() < expires_at))
    }

    /// Returns a user, if they exist and may log in.
    pub(super) fn user(&self, username: &str) -> Result<&UserInfo, Rejection> {
        let user = self.users.get(username).ok_or(Rejection::not_found("no such user"))?;
        if is_active(user) { Ok(user) } else { Err(Rejection::business(403, "the user is disabled")) }
    }

    /// Returns the user of a token that this app accepts.
    pub(super) fn authenticate(&self, token: &str) -> Result<&UserInfo, Rejection> {
        self.user_of(self.token(token))
    }

    /// Returns the user of a token that the app with this id has issued.
    pub(super) fn authenticate_at(&self, app_id: u64, token: &str) -> Result<&UserInfo, Rejection> {
        self.user_of(self.token_of_app(app_id, token))
    }

    /// Makes this app accept a token that the app with this id has issued. Returns its user.
    pub(super) fn authorize(&mut self, app_id: u64, token: &str) -> Result<&UserInfo, Rejection> {
        self.authenticate_at(app_id, token)?;
        if let Some(Token { issuer: Issuer::OtherApp { authorized, .. }, .. }) = self.tokens.get_mut(token) {
            *authorized = true;
        }
        self.authenticate(token)
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
