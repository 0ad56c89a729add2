use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::keys::{Keys, Name, value};
use super::known::{AskKey, Known, Touch};
use super::lookup::look_up;
use crate::ports::revocations::{RevocationError, Revocations};
use crate::services::revocation::list::parts;
use crate::types::revocation::{Revocation, RevocationStatus, TokenIds, instant};
use crate::upstream::redis_link::{Link, LinkError};
use crate::util::clock::millis;
use crate::util::single_flight::SingleFlight;

/// A list of revocations in Redis, which the replicas of a service share, and with other services in any language. Clones share
/// it.
///
/// | key | value | revokes |
/// |---|---|---|
/// | `revoked:jti:{jti}` | anything, `1` | one token |
/// | `revoked:sid:{sid}` | anything, `1` | a session |
/// | `revoked:user:{id}` | seconds since 1970 | the user's tokens whose `iat` is before |
///
/// Each key lives as long as the tokens that it is about. Redis pushes the names of keys that change (`CLIENT TRACKING`, Redis 6 and
/// later), and each replica remembers what is revoked: a request costs no call. While pushes do not arrive, Redis is asked about
/// each token, within 50 ms, once in [`ask_every`](super::RedisRevocationsBuilder::ask_every); what is remembered stays revoked.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use aigc_auth::jwt::JwtVerifier;
/// use aigc_auth::revocation::RedisRevocations;
///
/// let verifier = JwtVerifier::from_secret("a secret of at least 32 characters")
///     .revocations(RedisRevocations::connect("redis://127.0.0.1:6379")?)
///     .build()?;
/// # Ok::<(), aigc_auth::error::BuildError>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct RedisRevocations(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    asking: SingleFlight<AskKey, Result<bool, LinkError>>,
    /// The task that listens.
    _pushes: Link,
}

/// What a task that asks needs.
struct Shared {
    keys: Keys,
    known: Arc<Known>,
    calls: Link,
}

/// Adds to what is there: neither an instant nor an end goes back. Instants are read as [`instant_of`](super::keys::instant_of)
/// does: milliseconds, too, and what is none stands for now.
const SCRIPT: &str = "local value, px, now = ARGV[1], tonumber(ARGV[2]), ARGV[3] \
    local function instant(text) \
        local number = tonumber(text) \
        if not number or not (number >= 1e9 and number < math.huge) then return nil end \
        return number >= 1e11 and number / 1000 or number \
    end \
    local old, rest = redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1]) \
    if old and not instant(old) then old = now end \
    if old and (instant(old) or 0) > (instant(value) or 0) then value = old end \
    if rest == -1 then return redis.call('SET', KEYS[1], value) end \
    return redis.call('SET', KEYS[1], value, 'PX', math.max(px, rest))";

impl RedisRevocations {
    /// So many tokens are asked about at a time.
    const MAX_ASKING: usize = 10_000;

    pub(super) fn new(keys: Keys, known: Arc<Known>, calls: Link, pushes: Link) -> Self {
        let shared = Arc::new(Shared { keys, known, calls });
        Self(Arc::new(Inner { shared, asking: SingleFlight::new(Self::MAX_ASKING), _pushes: pushes }))
    }

    /// Waits until all revocations are known here and new ones can be written, for this long. Returns whether that is so. Call it
    /// before a service listens: a list that is just being connected knows nothing yet, and cannot ask either.
    ///
    /// ```no_run
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use std::time::Duration;
    ///
    /// use aigc_auth::revocation::RedisRevocations;
    ///
    /// let list = RedisRevocations::connect("redis://127.0.0.1:6379")?;
    /// if !list.synchronized(Duration::from_secs(5)).await {
    ///     eprintln!("starting without the list of revocations");
    /// }
    /// # Ok::<(), aigc_auth::error::BuildError>(()) }).unwrap();
    /// ```
    pub async fn synchronized(&self, timeout: Duration) -> bool {
        let Shared { known, calls, .. } = &*self.0.shared;
        let waiting = async {
            loop {
                // Before the look, so that it is told of what comes between.
                let told = known.is_in.notified();
                if self.is_synchronized() {
                    break;
                }
                told.await;
            }
            // A connection of its own, which may take longer.
            calls.connected().await;
        };
        tokio::time::timeout(timeout, waiting).await.is_ok()
    }

    /// Whether all revocations are known here, and new ones are pushed: for a health check. While they are not, Redis is asked.
    pub fn is_synchronized(&self) -> bool {
        self.0.shared.known.touch() == Touch::In
    }

    /// Returns how many revocations are remembered here.
    pub fn len(&self) -> usize {
        self.0.shared.known.len()
    }

    /// Returns whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Revocations for RedisRevocations {
    fn version(&self) -> u64 {
        self.0.shared.known.version()
    }

    fn status(&self, ids: &TokenIds) -> RevocationStatus {
        self.0.shared.known.status(ids)
    }

    async fn is_revoked(&self, ids: &TokenIds) -> Result<bool, RevocationError> {
        let shared = &self.0.shared;
        let ask = || {
            let (shared, ids) = (shared.clone(), ids.clone());
            async move { shared.ask(&ids).await }
        };
        match self.0.asking.join(shared.known.ask_key(ids), ask).await {
            Ok(answer) => Ok(answer?),
            Err(error) => Err(format!("cannot ask Redis: {error:?}").into()),
        }
    }

    async fn revoke(&self, revocation: &Revocation, until: SystemTime) -> Result<(), RevocationError> {
        let Shared { keys, known, calls } = &*self.0.shared;
        let rest = until.duration_since(known.clock().today()).map_or(0, millis);
        if rest == 0 {
            return Ok(());
        }
        known.add(revocation, known.clock().now().saturating_add(rest));
        let (kind, id, before) = parts(revocation);
        let (key, value_of) = (keys.key(&Name { kind, id: id.into() }), |instant| value(kind, instant));
        let now = value_of(instant(known.clock().today()));
        let mut script = redis::cmd("EVAL");
        script.arg(SCRIPT).arg(1).arg(&key).arg(value_of(before)).arg(rest).arg(now);
        match calls.query::<()>(&script).await {
            // Scripts may be forbidden.
            Err(LinkError::Refused(_)) => {
                let mut set = redis::cmd("SET");
                set.arg(&key).arg(value_of(before)).arg("PX").arg(rest);
                calls.query::<()>(&set).await?;
            }
            written => written?,
        }
        known.spread().await
    }
}

impl Shared {
    async fn ask(&self, ids: &TokenIds) -> Result<bool, LinkError> {
        let asking = self.known.asking();
        let connection = self.calls.connection()?;
        let found = look_up(&connection, &self.keys, Name::all_of(ids), self.known.clock()).await?;
        Ok(self.known.answered(ids, asking, &found))
    }
}

impl fmt::Debug for RedisRevocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisRevocations")
            .field("is_synchronized", &self.is_synchronized())
            .field("entries", &self.len())
            .field("calls", &self.0.shared.calls)
            .finish_non_exhaustive()
    }
}
