use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::{pbkdf2, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::table::Table;

/// The passwords of users that have one, hashed: a state file is not to be where they are read.
#[derive(Debug, Default)]
pub(super) struct Passwords(Mutex<(BTreeMap<String, Hash>, u64)>);

#[derive(Clone, Debug)]
struct Hash {
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// Few: it is a seed's password, and a debug build is slow.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(10_000).expect("not zero");

impl Passwords {
    pub(super) const TABLE: &'static str = "passwords";

    pub(super) fn set(&self, username: &str, password: &str) {
        let mut salt = vec![0; 16];
        rand::fill(&mut salt).expect("the system has randomness");
        let mut hash = vec![0; 32];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, &salt, password.as_bytes(), &mut hash);
        self.insert(username, Hash { salt, hash });
    }

    pub(super) fn remove(&self, username: &str) {
        let (hashes, version) = &mut *self.lock();
        if hashes.remove(username).is_some() {
            *version += 1;
        }
    }

    pub(super) fn version(&self) -> u64 {
        self.lock().1
    }

    pub(super) fn has(&self, username: &str) -> bool {
        self.lock().0.contains_key(username)
    }

    /// Whether it is the user's password; users without one have none that is right.
    pub(super) fn check(&self, username: &str, password: &str) -> bool {
        let hash = self.lock().0.get(username).cloned();
        hash.is_some_and(|Hash { salt, hash }| {
            let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
            pbkdf2::verify(algorithm, ITERATIONS, &salt, password.as_bytes(), &hash).is_ok()
        })
    }

    pub(super) fn changed(&self, seen: &mut u64) -> Option<Table> {
        let (hashes, version) = &*self.lock();
        if std::mem::replace(seen, *version) == *version {
            return None;
        }
        let row = |(username, Hash { salt, hash }): (&String, &Hash)| {
            (username.clone(), json!({"salt": STANDARD.encode(salt), "hash": STANDARD.encode(hash)}))
        };
        Some(Table { name: Self::TABLE, rows: hashes.iter().map(row).collect() })
    }

    pub(super) fn restore(&self, username: &str, value: &Value) -> Result<(), String> {
        let bytes = |name| value[name].as_str().and_then(|text| STANDARD.decode(text).ok());
        let (Some(salt), Some(hash)) = (bytes("salt"), bytes("hash")) else {
            return Err("expected `salt` and `hash` in base64".to_owned());
        };
        self.insert(username, Hash { salt, hash });
        Ok(())
    }

    fn insert(&self, username: &str, hash: Hash) {
        let (hashes, version) = &mut *self.lock();
        *version += 1;
        hashes.insert(username.to_owned(), hash);
    }

    fn lock(&self) -> MutexGuard<'_, (BTreeMap<String, Hash>, u64)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
