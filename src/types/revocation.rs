//! What is revoked before its end, and what a token is compared with it by.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::user::id::UserId;

/// What ends before the tokens that it is about do.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use aigc_auth::revocation::{Revocation, TokenIds};
///
/// let now = SystemTime::now();
/// let token = TokenIds::new("alice").with_sid("s-1").with_issued_at(now);
/// assert!(Revocation::session("s-1").covers(&token));
/// assert!(!Revocation::user("alice", now).covers(&token), "issued at that time, not before");
/// assert!(Revocation::user("alice", now + Duration::from_secs(1)).covers(&token));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revocation {
    /// One token.
    Token {
        /// Its `jti`.
        jti: Box<str>,
    },
    /// All tokens of a session.
    Session {
        /// Their `sid`.
        sid: Box<str>,
    },
    /// All tokens of a user that were issued before an instant, or do not say when.
    User {
        /// The user's id, or their `sub`, as text.
        id: Box<str>,
        /// Tokens whose `iat` is before this are revoked.
        before: SystemTime,
    },
}

impl Revocation {
    /// Revokes the token of this `jti`.
    pub fn token(jti: impl Into<Box<str>>) -> Self {
        Self::Token { jti: jti.into() }
    }

    /// Revokes the tokens of the session of this `sid`.
    pub fn session(sid: impl Into<Box<str>>) -> Self {
        Self::Session { sid: sid.into() }
    }

    /// Revokes the tokens of this user that were issued before an instant.
    pub fn user(id: impl Into<UserId>, before: SystemTime) -> Self {
        Self::User { id: id.into().to_string().into(), before }
    }

    /// Whether it revokes this token.
    pub fn covers(&self, ids: &TokenIds) -> bool {
        match self {
            Self::Token { jti } => ids.jti() == Some(jti),
            Self::Session { sid } => ids.sid() == Some(sid),
            Self::User { id, before } => {
                ids.user_ids().any(|user| user == &**id) && ids.is_issued_before(instant(*before))
            }
        }
    }
}

/// What a token is revoked by: its id, its session, its user and when it was issued.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TokenIds {
    jti: Option<Box<str>>,
    sid: Option<Box<str>>,
    user: Box<str>,
    /// Its `sub`, where that is not the user's id.
    subject: Option<Box<str>>,
    issued_at: Option<Instant>,
}

/// Milliseconds since 1970.
pub(crate) type Instant = i64;

/// Rounds up: more is revoked, not less.
pub(crate) fn instant(time: SystemTime) -> Instant {
    let millis = |since: Duration, up: u32| {
        let rest = u64::from(up > 0 && !since.subsec_nanos().is_multiple_of(1_000_000));
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX).saturating_add_unsigned(rest)
    };
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => millis(after, 1),
        Err(before) => -millis(before.duration(), 0),
    }
}

impl TokenIds {
    /// The ids of a token of this user, which says nothing else of itself.
    pub fn new(user: impl Into<UserId>) -> Self {
        Self { jti: None, sid: None, user: user.into().to_string().into(), subject: None, issued_at: None }
    }

    /// Sets the id of the token.
    #[must_use]
    pub fn with_jti(mut self, jti: impl Into<Box<str>>) -> Self {
        self.jti = Some(jti.into());
        self
    }

    /// Sets the session of the token.
    #[must_use]
    pub fn with_sid(mut self, sid: impl Into<Box<str>>) -> Self {
        self.sid = Some(sid.into());
        self
    }

    /// Sets the `sub` of the token, where that is not the user's id.
    #[must_use]
    pub fn with_subject(mut self, subject: impl Into<Box<str>>) -> Self {
        self.subject = Some(subject.into()).filter(|subject| *subject != self.user);
        self
    }

    /// Sets when the token was issued, to the millisecond.
    #[must_use]
    pub fn with_issued_at(mut self, time: SystemTime) -> Self {
        self.issued_at = Some(instant(time));
        self
    }

    /// The token's id (`jti`).
    pub fn jti(&self) -> Option<&str> {
        self.jti.as_deref()
    }

    /// The session's id (`sid`).
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// The user's id, and the token's `sub` where that is another one.
    pub fn user_ids(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.user).chain(self.subject.as_deref())
    }

    /// When the token was issued (`iat`).
    pub fn issued_at(&self) -> Option<SystemTime> {
        let millis = Duration::from_millis(self.issued_at?.unsigned_abs());
        if self.issued_at? < 0 { UNIX_EPOCH.checked_sub(millis) } else { UNIX_EPOCH.checked_add(millis) }
    }

    /// Sets the same as the claim has it: seconds since 1970. Rounds down.
    pub(crate) fn issued_at_seconds(mut self, seconds: f64) -> Self {
        self.issued_at = Some((seconds * 1_000.0).floor() as Instant);
        self
    }

    /// A token that does not say when it was issued may be older than anything.
    pub(crate) fn is_issued_before(&self, instant: Instant) -> bool {
        self.issued_at.is_none_or(|issued_at| issued_at < instant)
    }

    /// How many bytes the texts take.
    fn len(&self) -> usize {
        let texts = [&self.jti, &self.sid, &self.subject].into_iter().flatten();
        self.user.len() + texts.map(|text| text.len()).sum::<usize>()
    }
}

/// Ids are no secrets, and no words for a log either.
impl fmt::Debug for TokenIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIds")
            .field("user", &self.user)
            .field("has_jti", &self.jti.is_some())
            .field("has_sid", &self.sid.is_some())
            .field("issued_at", &self.issued_at())
            .finish()
    }
}

/// What a list of revocations knows of a token without asking anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationStatus {
    /// Not revoked.
    Valid,
    /// Revoked.
    Revoked,
    /// The list has to be asked.
    Unknown,
}

/// What happens to a token while its list of revocations cannot be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RevocationFailure {
    /// It is accepted, so that an outage of the list is none of the service. A token that was revoked and is not remembered
    /// here is accepted as well, at most until it expires.
    #[default]
    Open,
    /// It is answered 503 with `Retry-After`, never 401: whether it is revoked is not known.
    Closed,
}

/// The ids of a verified token, and the version of the list in which they were last looked up.
pub(crate) struct RevocationMark {
    pub(crate) ids: TokenIds,
    /// 0 stands for none.
    checked: AtomicU64,
}

impl RevocationMark {
    pub(crate) fn new(ids: TokenIds) -> Self {
        Self { ids, checked: AtomicU64::new(0) }
    }

    pub(crate) fn is_checked(&self, version: u64) -> bool {
        version != 0 && self.checked.load(Ordering::Relaxed) == version
    }

    pub(crate) fn set_checked(&self, version: u64) {
        self.checked.store(version, Ordering::Relaxed);
    }

    /// How many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + self.ids.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(millis.unsigned_abs())
    }

    #[test]
    fn revocations_cover_their_tokens() {
        let token = TokenIds::new("alice").with_jti("j").with_sid("s").with_issued_at(at(10_000));
        let (mapped, undated) = (TokenIds::new(7).with_subject("alice"), TokenIds::new("alice"));
        for (revocation, expected) in [
            (Revocation::token("j"), [true, false, false]),
            // An id of one kind says nothing of another.
            (Revocation::token("s"), [false, false, false]),
            (Revocation::session("s"), [true, false, false]),
            (Revocation::user("alice", at(10_000)), [false, true, true]),
            (Revocation::user("alice", at(10_001)), [true, true, true]),
            (Revocation::user("alice", at(10_000) + Duration::from_nanos(1)), [true, true, true]),
            (Revocation::user(7, at(10_001)), [false, true, false]),
            (Revocation::user("7", at(10_001)), [false, true, false]),
        ] {
            let covered = [&token, &mapped, &undated].map(|ids| revocation.covers(ids));
            assert_eq!(covered, expected, "{revocation:?}");
        }
    }

    #[test]
    fn times_before_1970_are_kept_apart() {
        let early = TokenIds::new("alice").with_issued_at(UNIX_EPOCH - Duration::from_millis(1_500));
        assert_eq!(early.issued_at(), Some(UNIX_EPOCH - Duration::from_millis(1_500)));
        assert!(early.is_issued_before(0) && !early.is_issued_before(-1_500));
    }
}
