use std::fmt;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::pbkdf2::Pbkdf2;
use crate::services::user_sync::store::StoreError;
use crate::types::error::BuildError;
use crate::types::secret::Secret;

/// Hashes the passwords of new users of an [`SqlStore`](super::SqlStore), in the format that the legacy system verifies.
///
/// ```
/// use aigc_auth::Secret;
/// use aigc_auth::user_sync::PasswordHash;
///
/// let bcrypt = PasswordHash::bcrypt(12);
/// // For the tables of applications in Python.
/// let (django, flask) = (PasswordHash::django(), PasswordHash::werkzeug());
/// // Any other format of the legacy system.
/// let custom = PasswordHash::custom(|password| {
///     let hash = format!("scheme${}", password.expose().len());
///     Ok(Secret::from(hash))
/// });
/// ```
#[derive(Clone)]
pub struct PasswordHash(Algorithm);

#[derive(Clone)]
enum Algorithm {
    Bcrypt {
        cost: u32,
        version: bcrypt::Version,
    },
    #[cfg(feature = "argon2")]
    Argon2,
    Pbkdf2(Pbkdf2),
    Custom(Arc<Custom>),
}

type Custom = dyn Fn(&Secret) -> Result<Secret, StoreError> + Send + Sync;

/// bcrypt ignores further bytes, so that all passwords with the same first 72 bytes would match.
const BCRYPT_MAX_BYTES: usize = 72;

impl PasswordHash {
    /// Hashes by bcrypt with this cost, from 4 to 31. Each step takes twice as long; 12 is common, and less than 10 is too
    /// weak against guessing. A password of more than 72 bytes is an error.
    pub fn bcrypt(cost: u32) -> Self {
        Self(Algorithm::Bcrypt { cost, version: bcrypt::Version::TwoB })
    }

    /// Does the same, and writes the hash as PHP does, `$2y$` in place of `$2b$`, with the same digest. PHP's
    /// `password_verify` takes both, but its `password_get_info` calls `$2b$` unknown, and Laravel asks that before.
    pub fn bcrypt_2y(cost: u32) -> Self {
        Self(Algorithm::Bcrypt { cost, version: bcrypt::Version::TwoY })
    }

    /// Hashes by Argon2id with OWASP's parameters: 19 MiB, 2 iterations, 1 lane. The result is a PHC string.
    #[cfg(feature = "argon2")]
    pub fn argon2() -> Self {
        Self(Algorithm::Argon2)
    }

    /// Hashes as Django 5.2 does by default, by PBKDF2 with SHA-256 in 1,000,000 iterations:
    /// `pbkdf2_sha256$<iterations>$<salt>$<hash>`. All versions of Django verify it, and newer ones hash it anew at a login.
    pub fn django() -> Self {
        Self(Algorithm::Pbkdf2(Pbkdf2::DJANGO))
    }

    /// Hashes as Werkzeug 3.1 does by `generate_password_hash(password, "pbkdf2")`, by PBKDF2 with SHA-256 in 1,000,000
    /// iterations: `pbkdf2:sha256:<iterations>$<salt>$<hash>`. All versions of Werkzeug, and so of Flask, verify it beside
    /// their own default.
    pub fn werkzeug() -> Self {
        Self(Algorithm::Pbkdf2(Pbkdf2::WERKZEUG))
    }

    /// Hashes by a function of the app, which is called on a blocking thread.
    pub fn custom(hash: impl Fn(&Secret) -> Result<Secret, StoreError> + Send + Sync + 'static) -> Self {
        Self(Algorithm::Custom(Arc::new(hash)))
    }

    pub(super) fn check(&self) -> Result<(), BuildError> {
        match self.0 {
            Algorithm::Bcrypt { cost, .. } if !(4..=31).contains(&cost) => {
                Err(BuildError::new(format!("bcrypt's cost is {cost}, and must be from 4 to 31")))
            }
            _ => Ok(()),
        }
    }

    fn hash(&self, password: &Secret) -> Result<Secret, StoreError> {
        let text = password.expose();
        if text.contains('\0') {
            return Err("the password has a NUL character".into());
        }
        match &self.0 {
            Algorithm::Bcrypt { .. } if text.len() > BCRYPT_MAX_BYTES => {
                let length = text.len();
                Err(format!("the password has {length} bytes, and bcrypt takes {BCRYPT_MAX_BYTES}").into())
            }
            // Not the crate's `non_truncating_hash`, whose limit is one byte lower.
            Algorithm::Bcrypt { cost, version } => {
                Ok(bcrypt::hash_with_result(text, *cost)?.format_for_version(version.clone()).into())
            }
            #[cfg(feature = "argon2")]
            Algorithm::Argon2 => {
                use argon2::PasswordHasher;

                let hash = argon2::Argon2::default().hash_password(text.as_bytes());
                Ok(hash.map_err(|error| error.to_string())?.to_string().into())
            }
            Algorithm::Pbkdf2(pbkdf2) => pbkdf2.hash(text),
            Algorithm::Custom(hash) => hash(password),
        }
    }
}

impl Default for PasswordHash {
    fn default() -> Self {
        Self::bcrypt(12)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Algorithm::Bcrypt { cost, .. } => write!(f, "bcrypt({cost})"),
            #[cfg(feature = "argon2")]
            Algorithm::Argon2 => f.write_str("argon2"),
            Algorithm::Pbkdf2(pbkdf2) => write!(f, "{pbkdf2:?}"),
            Algorithm::Custom(_) => f.write_str("custom"),
        }
    }
}

/// Hashes on blocking threads, as many at a time as there are processors.
#[derive(Debug)]
pub(super) struct Hasher {
    hash: PasswordHash,
    permits: Arc<Semaphore>,
}

impl Hasher {
    pub(super) fn new(hash: PasswordHash) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self { hash, permits: Arc::new(Semaphore::new(processors)) }
    }

    pub(super) async fn hash(&self, password: Secret) -> Result<Secret, StoreError> {
        // Held by the thread, which continues to hash even if its caller is dropped.
        let permit = self.permits.clone().acquire_owned().await?;
        let hash = self.hash.clone();
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            hash.hash(&password)
        });
        work.await.map_err(|_| "hashing the password panicked")?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bcrypt_cost_is_checked() {
        for (cost, fine) in [(0, false), (3, false), (4, true), (12, true), (31, true), (32, false)] {
            assert_eq!(PasswordHash::bcrypt(cost).check().is_ok(), fine, "{cost}");
        }
    }

    #[test]
    fn bcrypt_rejects_more_than_72_bytes() {
        let hash = |password: &str| PasswordHash::bcrypt(4).hash(&password.into());
        for fine in ["a", "密码 🔑", &"x".repeat(72), &"密".repeat(24)] {
            let hash = hash(fine).unwrap();
            assert!(hash.expose().starts_with("$2b$04$"), "{}", hash.expose());
            assert!(bcrypt::verify(fine, hash.expose()).unwrap(), "{fine}");
        }
        for (refused, why) in [
            ("x".repeat(73), "the password has 73 bytes, and bcrypt takes 72"),
            ("密".repeat(25), "the password has 75 bytes, and bcrypt takes 72"),
            ("a\0b".to_owned(), "the password has a NUL character"),
        ] {
            assert_eq!(hash(&refused).unwrap_err().to_string(), why);
        }
    }

    #[test]
    fn bcrypt_is_written_as_php_does() {
        let hashed = PasswordHash::bcrypt_2y(4).hash(&Secret::from("secret")).unwrap();
        assert!(hashed.expose().starts_with("$2y$04$"));
        assert!(bcrypt::verify("secret", hashed.expose()).unwrap());
    }

    #[cfg(feature = "argon2")]
    #[test]
    fn argon2_hashes_verify() {
        use argon2::PasswordVerifier;

        let long = "x".repeat(1_000);
        let hash = PasswordHash::argon2().hash(&long.as_str().into()).unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.expose());
        let parsed = argon2::password_hash::phc::PasswordHash::new(hash.expose()).unwrap();
        argon2::Argon2::default().verify_password(long.as_bytes(), &parsed).unwrap();
        argon2::Argon2::default().verify_password(b"another", &parsed).unwrap_err();
    }

    #[tokio::test]
    async fn hashing_runs_on_blocking_threads() {
        let here = std::thread::current().id();
        let elsewhere = move |password: &Secret| {
            assert_ne!(std::thread::current().id(), here);
            if password.expose() == "broken" { Err("no".into()) } else { Ok(Secret::from("hash")) }
        };
        let hasher = Hasher::new(PasswordHash::custom(elsewhere));
        assert_eq!(hasher.hash("password".into()).await.unwrap().expose(), "hash");
        assert_eq!(hasher.hash("broken".into()).await.unwrap_err().to_string(), "no");
        let panics = Hasher::new(PasswordHash::custom(|_| panic!("on purpose")));
        for _ in 0..100 {
            let error = panics.hash("password".into()).await.unwrap_err();
            assert_eq!(error.to_string(), "hashing the password panicked");
        }
        assert_eq!(format!("{panics:?} {:?}", PasswordHash::default()).matches("password").count(), 0);
    }
}
