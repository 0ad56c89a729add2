use std::time::Duration;

use crate::types::error::ErrorKind;
use crate::types::labels::labels;

/// The answer to one caller, of a verifier or of another cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lookup {
    /// What was asked.
    pub verifier: VerifierKind,
    /// What it was asked about.
    pub what: LookedUp,
    /// Where the answer comes from.
    pub answer: LookupAnswer,
    /// The kind of the error. With [`Stale`](LookupAnswer::Stale), why the user could not be looked up; the caller got them
    /// all the same.
    pub error: Option<ErrorKind>,
    /// How long the caller waited; zero for answers from the cache.
    pub took: Duration,
}

/// A lookup in the background, before the TTL of a cached user ends. Nobody waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refresh {
    /// What was asked.
    pub verifier: VerifierKind,
    /// What it was asked about.
    pub what: LookedUp,
    /// The kind of the error, also where the cached user goes on being served.
    pub error: Option<ErrorKind>,
    /// How long it took.
    pub took: Duration,
}

labels! {
    /// What answers lookups.
    pub enum VerifierKind {
        /// [`AuthClient`](crate::AuthClient).
        AuthCenter = "auth_center",
        /// `Cached`.
        Cached = "cached",
        /// `JwtVerifier`.
        Jwt = "jwt",
        /// `CachedMemberships`.
        Memberships = "memberships",
    }
}

labels! {
    /// What a lookup is about.
    pub enum LookedUp {
        /// A bearer token.
        Token = "token",
        /// An access key.
        AccessKey = "access_key",
        /// The id of a user, such as of one to act as.
        UserId = "user_id",
        /// A user's membership in an organisation.
        Membership = "membership",
    }
}

labels! {
    /// Where the answer to a lookup comes from.
    pub enum LookupAnswer {
        /// A user from the cache, within the TTL.
        Hit = "hit",
        /// A rejection from the cache.
        Negative = "negative",
        /// The caller's own call, also one that failed.
        Called = "called",
        /// The call of another caller who waited for the same.
        Coalesced = "coalesced",
        /// A user whom another replica of the service has looked up.
        Shared = "shared",
        /// A user past the TTL, since there was no answer: see `stale_if_error`.
        Stale = "stale",
        /// The token itself, verified in this process.
        Local = "local",
        /// None: the last attempt for the same credential failed a moment ago.
        Paused = "paused",
        /// None: too many lookups were in flight, of all callers or of this caller's network.
        AtCapacity = "at_capacity",
        /// None: the caller did not wait for it, since its client has disconnected or its time was over. The call goes on.
        Abandoned = "abandoned",
    }
}
