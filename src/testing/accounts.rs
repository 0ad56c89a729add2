//! Users and their credentials.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use super::rejection::Rejection;
use super::test_key::TestKey;
use crate::types::user::{UserId, UserInfo};

/// The only status that may log in; a user without a status is active, too.
const ACTIVE: &str = "active";

#[derive(Default)]
pub(super) struct Accounts {
    pub(super) users: BTreeMap<Box<str>, UserInfo>,
    pub(super) tokens: HashMap<String, Token>,
    pub(super) keys: HashMap<String, IssuedKey>,
    keys_issued: u64,
}

pub(super) struct Token {
    pub(super) username: String,
    pub(super) expires_at: Option<SystemTime>,
}

pub(super) struct IssuedKey {
    pub(super) id: u64,
    pub(super) key: TestKey,
}

impl Accounts {
    pub(super) fn put(&mut self, user: UserInfo) {
        self.users.insert(user.username().into(), user);
    }

    pub(super) fn issue(&mut self, text: String, key: TestKey) {
        self.keys_issued += 1;
        self.keys.insert(text, IssuedKey { id: self.keys_issued, key });
    }

    /// Returns a token, unless it is unknown or has expired.
    pub(super) fn token(&self, token: &str) -> Option<&Token> {
        self.tokens
            .get(token)
            .filter(|token| token.expires_at.is_none_or(|expires_at| SystemTime::now() < expires_at))
    }

    /// Returns a user, if they exist and may log in.
    pub(super) fn user(&self, username: &str) -> Result<&UserInfo, Rejection> {
        let user = self.users.get(username).ok_or(Rejection::not_found("no such user"))?;
        if is_active(user) { Ok(user) } else { Err(Rejection::business(403, "the user is disabled")) }
    }

    /// Returns the user of a token.
    pub(super) fn authenticate(&self, token: &str) -> Result<&UserInfo, Rejection> {
        let token =
            self.token(token).ok_or(Rejection::business(401, "the token is invalid or has expired"))?;
        self.user(&token.username)
    }

    pub(super) fn by_id(&self, id: &UserId) -> Option<&UserInfo> {
        self.users.values().find(|user| user.id() == id)
    }
}

pub(super) fn is_active(user: &UserInfo) -> bool {
    user.status().is_none_or(|status| status == ACTIVE)
}
