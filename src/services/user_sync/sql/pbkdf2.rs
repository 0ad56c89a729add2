//! Hash passwords by PBKDF2, in the formats of Django and of Werkzeug.

use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::pbkdf2::{PBKDF2_HMAC_SHA256, derive};
use ring::rand::{SecureRandom, SystemRandom};

use crate::services::user_sync::store::StoreError;
use crate::types::secret::Secret;

/// How an application writes its hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Django,
    Werkzeug,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Pbkdf2 {
    format: Format,
    iterations: NonZeroU32,
}

/// The default of Django 5.2 and of Werkzeug 3.1.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(1_000_000).expect("is not zero");

/// Characters of a salt, as many as Django takes: 131 bits.
const SALT: usize = 22;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Pbkdf2 {
    pub(super) const DJANGO: Self = Self { format: Format::Django, iterations: ITERATIONS };
    pub(super) const WERKZEUG: Self = Self { format: Format::Werkzeug, iterations: ITERATIONS };

    pub(super) fn hash(&self, password: &str) -> Result<Secret, StoreError> {
        Ok(self.with_salt(password, &salt()?).into())
    }

    fn with_salt(&self, password: &str, salt: &str) -> String {
        let mut hash = [0; 32];
        derive(PBKDF2_HMAC_SHA256, self.iterations, salt.as_bytes(), password.as_bytes(), &mut hash);
        let iterations = self.iterations;
        match self.format {
            Format::Django => format!("pbkdf2_sha256${iterations}${salt}${}", STANDARD.encode(hash)),
            Format::Werkzeug => {
                let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("pbkdf2:sha256:{iterations}${salt}${hash}")
            }
        }
    }
}

/// Makes a salt of letters and digits, each as likely as the others.
fn salt() -> Result<String, StoreError> {
    let mut salt = String::new();
    while salt.len() < SALT {
        let mut byte = [0];
        SystemRandom::new().fill(&mut byte).map_err(|_| "the system has no random bits")?;
        // Of 64 numbers, two are left out.
        salt.extend(ALPHABET.get(usize::from(byte[0] & 63)).map(|character| char::from(*character)));
    }
    Ok(salt)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by Django 5.2.19 (`PBKDF2PasswordHasher().encode`) and Werkzeug 3.1.9 (`_hash_internal`).
    #[test]
    fn hashes_are_those_of_the_applications() {
        let iterations = NonZeroU32::new(1_000).unwrap();
        for (format, hash) in [
            (Format::Django, "pbkdf2_sha256$1000$salt$GFfHHBAxjqFM84h0BA6VCWsvVkhS9tGfs9b10TtIq8A="),
            (
                Format::Werkzeug,
                "pbkdf2:sha256:1000$salt$1857c71c10318ea14cf38874040e95096b2f564852f6d19fb3d6f5d13b48abc0",
            ),
        ] {
            let pbkdf2 = Pbkdf2 { format, iterations };
            assert_eq!(pbkdf2.with_salt("pässword 🔑", "salt"), hash);
            // A salt of its own each time.
            let [one, two] = [(); 2].map(|()| pbkdf2.hash("p").unwrap().expose().to_owned());
            assert_ne!(one, two);
            let salt = one.split('$').rev().nth(1).unwrap();
            assert_eq!((salt.len(), salt.chars().all(|c| c.is_ascii_alphanumeric())), (22, true), "{one}");
        }
        for (pbkdf2, start) in
            [(Pbkdf2::DJANGO, "pbkdf2_sha256$1000000$"), (Pbkdf2::WERKZEUG, "pbkdf2:sha256:1000000$")]
        {
            let hash = pbkdf2.hash("password").unwrap();
            assert!(hash.expose().starts_with(start), "{}", hash.expose());
        }
    }
}
