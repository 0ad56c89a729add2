//! Users, and what they prove themselves with.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use super::endpoints::Refusal;
use super::key::TestKey;
use crate::user::{User, UserId};

/// The only status under which a user may log in; a user without one is active too.
const ACTIVE: &str = "active";

#[derive(Default)]
pub(super) struct People {
    pub(super) users: BTreeMap<Box<str>, User>,
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

impl People {
    pub(super) fn put(&mut self, user: User) {
        self.users.insert(user.username.clone(), user);
    }

    pub(super) fn issue(&mut self, text: String, key: TestKey) {
        self.keys_issued += 1;
        self.keys.insert(text, IssuedKey { id: self.keys_issued, key });
    }

    /// The token, unless it is unknown or has expired.
    pub(super) fn token(&self, token: &str) -> Option<&Token> {
        self.tokens.get(token).filter(|token| token.expires_at.is_none_or(|end| SystemTime::now() < end))
    }

    /// The user of this name, who may log in.
    pub(super) fn user(&self, username: &str) -> Result<&User, Refusal> {
        let user = self.users.get(username).ok_or(Refusal::not_found("no such user"))?;
        if is_active(user) { Ok(user) } else { Err(Refusal::business(403, "the user is disabled")) }
    }

    /// The user who proves himself with this token.
    pub(super) fn authenticate(&self, token: &str) -> Result<&User, Refusal> {
        let token = self.token(token).ok_or(Refusal::business(401, "the token is invalid or has expired"))?;
        self.user(&token.username)
    }

    pub(super) fn by_id(&self, id: &UserId) -> Option<&User> {
        self.users.values().find(|user| user.id == *id)
    }
}

pub(super) fn is_active(user: &User) -> bool {
    user.status.as_deref().is_none_or(|status| status == ACTIVE)
}
