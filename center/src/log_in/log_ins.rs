use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::{Value, json};

use super::grants::{Grant, RefreshToken};
use super::sessions::{
    ACCESS_TOKENS, ATTEMPTS, Asked, CODE, Code, PENDING, Pending, SESSION, Session, insert,
};
use super::signer::Signer;
use crate::hub::Table;
use crate::random;

/// The log-ins: browsers, codes and grants. It knows no users and no apps; who calls has checked those.
#[derive(Debug)]
pub(crate) struct LogIns {
    issuer: String,
    access_token_ttl: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    signer: Arc<Signer>,
    pending: BTreeMap<String, Pending>,
    codes: BTreeMap<String, Code>,
    /// By cookie.
    sessions: BTreeMap<String, Session>,
    grants: BTreeMap<String, Grant>,
    /// Of what is stored.
    version: u64,
}

/// A grant that was made or renewed, and its refresh token.
#[derive(Debug)]
pub(super) struct Renewed {
    pub(super) grant_id: String,
    pub(super) grant: Grant,
    pub(super) refresh_token: String,
}

/// Why there is no grant. The access tokens are to be revoked: the code or the refresh token was used before, and so may be in
/// other hands.
#[derive(Debug, Default)]
pub(super) struct NoGrant {
    pub(super) revoked: Vec<String>,
}

impl LogIns {
    pub(crate) const TABLES: [&'static str; 3] = ["sessions", "grants", "signing_keys"];

    pub(crate) fn new(issuer: String, access_token_ttl: Duration) -> Self {
        let state = State {
            signer: Arc::new(Signer::new()),
            pending: BTreeMap::new(),
            codes: BTreeMap::new(),
            sessions: BTreeMap::new(),
            grants: BTreeMap::new(),
            version: 1,
        };
        Self { issuer, access_token_ttl, state: Mutex::new(state) }
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(super) fn access_token_ttl(&self) -> Duration {
        self.access_token_ttl
    }

    pub(super) fn signer(&self) -> Arc<Signer> {
        Arc::clone(&self.lock().signer)
    }

    /// Remembers a log-in page. Returns its id, and the cookie of its browser.
    pub(super) fn ask(&self, asked: Asked) -> (String, String) {
        let (id, browser) = (random::text(), random::text());
        let expires_at = SystemTime::now() + PENDING;
        let pending = Pending { asked, browser: browser.clone(), attempts: 0, expires_at };
        insert(&mut self.lock().pending, id.clone(), pending, |pending| pending.expires_at);
        (id, browser)
    }

    /// Returns what a page of this browser asks for, and counts the attempt.
    pub(super) fn asked(&self, id: &str, browser: &str) -> Option<Asked> {
        let mut state = self.lock();
        let pending = state.pending.get_mut(id)?;
        let is_this = pending.browser == browser && SystemTime::now() < pending.expires_at;
        if !is_this || pending.attempts >= ATTEMPTS {
            return None;
        }
        pending.attempts += 1;
        Some(pending.asked.clone())
    }

    /// Ends a page, and logs its browser in. Returns the session, and its cookie.
    pub(super) fn log_in(&self, page: &str, username: &str) -> (Session, String) {
        let (since, cookie) = (SystemTime::now(), random::text());
        let session =
            Session { id: random::text(), username: username.to_owned(), since, expires_at: since + SESSION };
        let mut state = self.lock();
        state.pending.remove(page);
        state.version += 1;
        insert(&mut state.sessions, cookie.clone(), session.clone(), |session| session.expires_at);
        (session, cookie)
    }

    pub(super) fn session(&self, cookie: &str) -> Option<Session> {
        let session = self.lock().sessions.get(cookie).cloned();
        session.filter(|session| SystemTime::now() < session.expires_at)
    }

    /// Makes an authorization code.
    pub(super) fn code(&self, asked: Asked, session: Session) -> String {
        let code = random::text();
        let made = Code { asked, session, expires_at: SystemTime::now() + CODE, spent: None };
        insert(&mut self.lock().codes, code.clone(), made, |code| code.expires_at);
        code
    }

    /// Makes a grant of a code that `is_right` accepts. A code is good for one attempt; one that comes again ends what it has
    /// brought.
    pub(super) fn redeem(
        &self,
        code: &str,
        is_right: impl FnOnce(&Asked) -> bool,
    ) -> Result<(Renewed, Asked), NoGrant> {
        let mut state = self.lock();
        let state = &mut *state;
        let known = state.codes.get_mut(code).ok_or_else(NoGrant::default)?;
        if let Some(grant) = &known.spent {
            let grant = state.grants.remove(grant);
            state.version += 1;
            return Err(NoGrant { revoked: grant.map(Grant::into_access_tokens).unwrap_or_default() });
        }
        let grant_id = random::text();
        known.spent = Some(grant_id.clone());
        if SystemTime::now() >= known.expires_at || !is_right(&known.asked) {
            return Err(NoGrant::default());
        }
        let (asked, session) = (known.asked.clone(), known.session.clone());
        // The session may have ended since.
        if !state.sessions.values().any(|open| open.id == session.id) {
            return Err(NoGrant::default());
        }
        let secret = random::text();
        let grant = Grant {
            session_id: session.id,
            username: session.username,
            app_id: asked.app_id.clone(),
            scope: asked.scope.clone(),
            since: session.since,
            expires_at: session.expires_at,
            secret: secret.clone(),
            access_tokens: Vec::new(),
        };
        state.version += 1;
        insert(&mut state.grants, grant_id.clone(), grant.clone(), |grant| grant.expires_at);
        let refresh_token = RefreshToken::format(&grant_id, &secret);
        Ok((Renewed { grant_id, grant, refresh_token }, asked))
    }

    /// Renews the grant of a refresh token of this app. One that was renewed before ends the grant.
    pub(super) fn refresh(&self, token: &str, app_id: &str) -> Result<Renewed, NoGrant> {
        let RefreshToken { grant: id, secret } = RefreshToken::parse(token).ok_or_else(NoGrant::default)?;
        let mut state = self.lock();
        let grant =
            state.grants.get_mut(id).filter(|grant| grant.app_id == app_id).ok_or_else(NoGrant::default)?;
        if grant.secret != secret || SystemTime::now() >= grant.expires_at {
            let revoked = state.grants.remove(id).map(Grant::into_access_tokens).unwrap_or_default();
            state.version += 1;
            return Err(NoGrant { revoked });
        }
        grant.secret = random::text();
        let refresh_token = RefreshToken::format(id, &grant.secret);
        let grant = grant.clone();
        state.version += 1;
        Ok(Renewed { grant_id: id.to_owned(), grant, refresh_token })
    }

    /// Remembers an access token of a grant. Returns the one to revoke in its place, if there are too many.
    pub(super) fn issued(&self, grant_id: &str, token: &str, expires_at: SystemTime) -> Option<String> {
        let mut state = self.lock();
        let grant = state.grants.get_mut(grant_id)?;
        let now = SystemTime::now();
        grant.access_tokens.retain(|(_, end)| now < *end);
        grant.access_tokens.push((token.to_owned(), expires_at));
        let displaced = (grant.access_tokens.len() > ACCESS_TOKENS).then(|| grant.access_tokens.remove(0).0);
        state.version += 1;
        displaced
    }

    /// Returns the grant of a valid access token.
    pub(super) fn grant_of(&self, token: &str) -> Option<Grant> {
        let now = SystemTime::now();
        let is_its = |(text, end): &(String, SystemTime)| text == token && now < *end;
        self.lock().grants.values().find(|grant| grant.access_tokens.iter().any(is_its)).cloned()
    }

    /// Ends the grant of a refresh token of this app. Returns the access tokens to revoke.
    pub(super) fn revoke(&self, token: &str, app_id: &str) -> Vec<String> {
        let Some(RefreshToken { grant: id, .. }) = RefreshToken::parse(token) else { return Vec::new() };
        let mut state = self.lock();
        if state.grants.get(id).is_none_or(|grant| grant.app_id != app_id) {
            return Vec::new();
        }
        state.version += 1;
        state.grants.remove(id).map(Grant::into_access_tokens).unwrap_or_default()
    }

    /// Ends a session, and all that apps have got by it. Returns its user, and the access tokens to revoke.
    pub(super) fn end(&self, session_id: &str) -> (Option<String>, Vec<String>) {
        let mut state = self.lock();
        let user = state.sessions.values().find(|session| session.id == session_id);
        let user = user.map(|session| session.username.clone());
        let revoked = state.end(|_, id| id == session_id);
        (user, revoked)
    }

    /// Ends all sessions of a user. Returns the access tokens to revoke: a user who is enabled again logs in again.
    pub(crate) fn end_all_of(&self, username: &str) -> Vec<String> {
        self.lock().end(|of, _| of == username)
    }

    /// Forgets what has expired.
    pub(crate) fn expire(&self) {
        let (now, mut state) = (SystemTime::now(), self.lock());
        state.pending.retain(|_, pending| now < pending.expires_at);
        // A little longer than they are good for: to notice one that comes again.
        state.codes.retain(|_, code| now < code.expires_at + CODE);
        let before = state.sessions.len() + state.grants.len();
        state.sessions.retain(|_, session| now < session.expires_at);
        state.grants.retain(|_, grant| now < grant.expires_at);
        if state.sessions.len() + state.grants.len() != before {
            state.version += 1;
        }
    }

    pub(crate) fn version(&self) -> u64 {
        self.lock().version
    }

    /// Returns the tables if they have changed since this version.
    pub(crate) fn changed(&self, seen: &mut u64) -> Vec<Table> {
        let state = self.lock();
        if std::mem::replace(seen, state.version) == state.version {
            return Vec::new();
        }
        vec![
            Table { name: Self::TABLES[0], rows: rows(&state.sessions) },
            Table { name: Self::TABLES[1], rows: rows(&state.grants) },
            Table { name: Self::TABLES[2], rows: vec![state.signer.row()] },
        ]
    }

    pub(crate) fn restore(&self, table: &str, key: &str, value: Value) -> Result<(), String> {
        let mut state = self.lock();
        state.version += 1;
        let wrong = |error: serde_json::Error| error.to_string();
        match table {
            "sessions" => {
                state.sessions.insert(key.to_owned(), serde_json::from_value(value).map_err(wrong)?);
            }
            "grants" => {
                state.grants.insert(key.to_owned(), serde_json::from_value(value).map_err(wrong)?);
            }
            _ => state.signer = Arc::new(Signer::restore(&value)?),
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Ends the sessions and grants of these usernames and session ids. Returns the access tokens.
    fn end(&mut self, is_meant: impl Fn(&str, &str) -> bool) -> Vec<String> {
        self.version += 1;
        self.sessions.retain(|_, session| !is_meant(&session.username, &session.id));
        let ended = self.grants.extract_if(.., |_, grant| is_meant(&grant.username, &grant.session_id));
        ended.flat_map(|(_, grant)| grant.into_access_tokens()).collect()
    }
}

impl Grant {
    fn into_access_tokens(self) -> Vec<String> {
        self.access_tokens.into_iter().map(|(text, _)| text).collect()
    }
}

fn rows<T: Serialize>(map: &BTreeMap<String, T>) -> Vec<(String, Value)> {
    map.iter().map(|(key, value)| (key.clone(), json!(value))).collect()
}
