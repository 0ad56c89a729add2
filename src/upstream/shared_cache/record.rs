use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::codec::Codec;
use super::names::Entry;
use super::seal::Seal;
use crate::upstream::cluster::{Horizon, Ledger};
use crate::upstream::identity_cache::{Key, Value};
use crate::util::clock::{Millis, millis};

/// Milliseconds by the clock of Redis, the only one that all replicas read: their own may be minutes apart.
pub(super) type RedisTime = u64;

/// What a replica knows when it starts to ask.
#[derive(Clone, Debug)]
pub(super) struct Before {
    /// All invalidations up to here.
    pub(super) horizon: Horizon,
    pub(super) time: RedisTime,
    pub(super) today: SystemTime,
}

/// A value that another replica has verified.
#[derive(Clone, Debug)]
pub(crate) struct Shared<V> {
    pub(crate) value: V,
    /// When the credential ends, or the value.
    pub(crate) limit: Option<SystemTime>,
    /// How long ago the replica started to ask.
    pub(crate) age: Millis,
}

/// Writes values for other replicas, and reads theirs.
pub(super) struct Records<V> {
    seal: Seal,
    codec: Codec<V>,
}

#[derive(Serialize, Deserialize)]
struct ValueRecord {
    value: Json,
    horizon: Horizon,
    asked_at: RedisTime,
    end: Option<End>,
}

/// When the credential ends: by the date, which each replica compares with its own as it would that of the token, and by how much
/// was left of it where it was verified. What is less counts.
#[derive(Serialize, Deserialize)]
struct End {
    date: SystemTime,
    after: Millis,
}

#[derive(Serialize, Deserialize)]
struct PauseRecord {
    until: RedisTime,
}

impl<V: Value> Records<V> {
    pub(super) fn new(seal: Seal, codec: Codec<V>) -> Self {
        Self { seal, codec }
    }

    /// `None` for what cannot be shared.
    pub(super) fn write(
        &self,
        key: Key,
        value: &V,
        limit: Option<SystemTime>,
        before: &Before,
    ) -> Option<Vec<u8>> {
        let end = match limit {
            // One that is over already is cached nowhere.
            Some(date) => Some(End { date, after: millis(date.duration_since(before.today).ok()?) }),
            None => None,
        };
        let record = ValueRecord {
            value: (self.codec.write)(value)?,
            horizon: before.horizon.clone(),
            asked_at: before.time,
            end,
        };
        self.seal.seal(Entry::Value, key, &serde_json::to_vec(&record).ok()?)
    }

    /// `None` for what does not open, has ended, or may be older than an invalidation that is known here.
    pub(super) fn read(
        &self,
        key: Key,
        sealed: &[u8],
        ledger: &Ledger,
        now: RedisTime,
        today: SystemTime,
    ) -> Option<Shared<V>> {
        let text = self.seal.open(Entry::Value, key, sealed)?;
        let record: ValueRecord = serde_json::from_slice(&text).ok()?;
        // Not from the future: the clock of Redis was set back, and how old the value is cannot be said.
        let age = now.checked_sub(record.asked_at)?;
        let limit = match record.end {
            Some(End { date, after }) => {
                let left = Duration::from_millis(after.checked_sub(age)?);
                Some(date.min(today.checked_add(left)?)).filter(|limit| *limit > today)?.into()
            }
            None => None,
        };
        let value = (self.codec.read)(record.value)?;
        (!ledger.covers(&record.horizon, key, value.about())).then_some(Shared { value, limit, age })
    }

    pub(super) fn write_pause(&self, key: Key, until: RedisTime) -> Option<Vec<u8>> {
        self.seal.seal(Entry::Pause, key, &serde_json::to_vec(&PauseRecord { until }).ok()?)
    }

    /// Returns how long the credential is not to be asked about; `None` if it may be.
    pub(super) fn read_pause(&self, key: Key, sealed: &[u8], now: RedisTime) -> Option<Duration> {
        let text = self.seal.open(Entry::Pause, key, sealed)?;
        let record: PauseRecord = serde_json::from_slice(&text).ok()?;
        let left = record.until.checked_sub(now).filter(|left| *left > 0)?;
        Some(Duration::from_millis(left))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Instant, UNIX_EPOCH};

    use super::*;
    use crate::types::user::UserInfo;
    use crate::util::clock::Clock;

    const NOW: RedisTime = 1_900_000_000_000;

    fn today() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_900_000_000)
    }

    fn horizon() -> Horizon {
        Horizon { run: "r".into(), epoch: 1, number: 10 }
    }

    fn in_touch() -> Ledger {
        let ledger = Ledger::new(Clock::held());
        ledger.start(horizon(), 0);
        ledger.proved(Instant::now());
        ledger
    }

    fn records(secret: &str) -> Records<UserInfo> {
        Records::new(Seal::new(&secret.into(), "test"), Codec::USERS)
    }

    /// Dates that are minutes apart, and tokens that end.
    #[test]
    fn value_ages_by_the_clock_of_redis_and_ends_by_the_stricter_date() {
        let (records, ledger, key) = (records("secret"), in_touch(), Key::of_hash([1, 2]));
        let alice = UserInfo::builder(7, "alice").build();
        let (minutes, second) = (Duration::from_secs(300), Duration::from_secs(1));
        for (what, limit, later, reader, left) in [
            ("endless", None, 5_000, today(), Some(None)),
            ("its reader is behind", None, 5_000, today() - minutes, Some(None)),
            ("ends in 10 s", Some(10), 4_000, today() + second * 4, Some(Some(6))),
            ("read by one that is behind", Some(10), 4_000, today() - minutes, Some(Some(6))),
            ("read by one that is ahead", Some(10), 4_000, today() + minutes, None),
            ("has ended", Some(10), 10_000, today() + second * 10, None),
            ("has ended where it was verified", Some(10), 10_000, today() - minutes, None),
            ("read by one that is a little ahead", Some(10), 4_000, today() + second * 7, Some(Some(3))),
        ] {
            let limit = limit.map(|after| today() + second * after);
            let before = Before { horizon: horizon(), time: NOW, today: today() };
            let sealed = records.write(key, &alice, limit, &before).unwrap();
            let read = records.read(key, &sealed, &ledger, NOW + later, reader);
            if let Some(shared) = &read {
                assert_eq!((shared.age, &shared.value), (later, &alice), "{what}");
            }
            let found = read.map(|shared| shared.limit.map(|limit| limit.duration_since(reader).unwrap()));
            assert_eq!(found, left.map(|left| left.map(|left| second * left)), "{what}");
        }
    }

    #[test]
    fn value_that_is_over_is_not_written_and_one_of_the_future_not_read() {
        let (records, ledger, key) = (records("secret"), in_touch(), Key::of_hash([1, 2]));
        let alice = UserInfo::builder(7, "alice").build();
        let before = Before { horizon: horizon(), time: NOW, today: today() };
        assert!(records.write(key, &alice, Some(today() - Duration::from_secs(1)), &before).is_none());
        let sealed = records.write(key, &alice, None, &before).unwrap();
        assert!(records.read(key, &sealed, &ledger, NOW, today()).is_some());
        assert!(records.read(key, &sealed, &ledger, NOW - 1, today()).is_none());
    }

    #[test]
    fn what_others_wrote_is_as_if_absent() {
        let (records, ledger, key) = (records("secret"), in_touch(), Key::of_hash([1, 2]));
        let alice = UserInfo::builder(7, "alice").build();
        let before = Before { horizon: horizon(), time: NOW, today: today() };
        let seal = Seal::new(&"secret".into(), "test");
        let sealed = |text: &[u8]| seal.seal(Entry::Value, key, text).unwrap();
        let good = records.write(key, &alice, None, &before).unwrap();
        for (what, value) in [
            ("of another secret", self::records("other").write(key, &alice, None, &before).unwrap()),
            ("of another credential", records.write(Key::of_hash([2, 1]), &alice, None, &before).unwrap()),
            ("a pause", records.write_pause(key, NOW + 1_000).unwrap()),
            ("empty", vec![]),
            ("text", b"alice".to_vec()),
            ("not JSON", sealed(b"alice")),
            ("of another shape", sealed(br#"{"value":{},"horizon":7}"#)),
            (
                "of no user",
                sealed(br#"{"value":{},"horizon":{"run":"r","epoch":1,"number":10},"asked_at":1}"#),
            ),
        ] {
            assert!(records.read(key, &value, &ledger, NOW, today()).is_none(), "{what}");
        }
        assert!(records.read(key, &good, &ledger, NOW, today()).is_some());
    }

    #[test]
    fn pause_ends_by_the_clock_of_redis() {
        let (records, key) = (records("secret"), Key::of_hash([1, 2]));
        let sealed = records.write_pause(key, NOW + 1_500).unwrap();
        for (now, left) in
            [(NOW, Some(1_500)), (NOW + 1_499, Some(1)), (NOW + 1_500, None), (NOW + 9_999, None)]
        {
            let found = records.read_pause(key, &sealed, now);
            assert_eq!(found, left.map(Duration::from_millis), "{now}");
        }
        assert!(records.read_pause(Key::of_hash([2, 1]), &sealed, NOW).is_none());
    }
}
