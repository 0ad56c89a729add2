//! Tell the formats of password hashes apart, by how they begin.

/// Checks that a hash is bcrypt, the only format that the auth center verifies: `$2a$`, `$2b$`, `$2x$` or `$2y$`, a cost and
/// 53 characters.
///
/// # Errors
/// A message that names the format, and never the hash.
pub(super) fn check_bcrypt(hash: &str) -> Result<(), String> {
    if is_bcrypt(hash) {
        return Ok(());
    }
    let format = match FORMATS.iter().find(|(start, _)| hash.starts_with(start)) {
        Some((_, format)) => format!("is {format}"),
        None => "is of an unknown format".to_owned(),
    };
    Err(format!(
        "the password's hash {format}, and the auth center verifies bcrypt only: push such users with a password of \
         their own (PasswordPolicy::mapped, or locked)"
    ))
}

fn is_bcrypt(hash: &str) -> bool {
    let Some((version, rest)) = hash.strip_prefix("$2").and_then(|rest| rest.split_once('$')) else {
        return false;
    };
    let Some((cost, salt_and_digest)) = rest.split_once('$') else { return false };
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/');
    matches!(version, "a" | "b" | "x" | "y")
        && cost.len() == 2
        && cost.parse().is_ok_and(|cost: u8| (4..=31).contains(&cost))
        && salt_and_digest.len() == 53
        && salt_and_digest.bytes().all(is_base64)
}

/// Beginnings, and what they are, the longer ones of several first.
const FORMATS: [(&str, &str); 17] = [
    ("pbkdf2_", "Django's PBKDF2"),
    ("bcrypt_sha256$", "Django's bcrypt of a SHA-256"),
    ("bcrypt$", "Django's bcrypt (cut `bcrypt$` off)"),
    ("argon2$", "Django's Argon2"),
    ("$argon2", "Argon2"),
    ("pbkdf2:", "Werkzeug's PBKDF2"),
    ("scrypt:", "Werkzeug's scrypt"),
    ("$pbkdf2", "Passlib's PBKDF2"),
    (":pbkdf2:", "MediaWiki's PBKDF2"),
    (":bcrypt:", "MediaWiki's bcrypt"),
    ("$P$", "phpass"),
    ("$H$", "phpass"),
    ("$wp$", "WordPress's bcrypt of an HMAC"),
    ("$2", "a broken bcrypt hash"),
    ("$6$", "SHA-512 crypt"),
    ("$1$", "MD5 crypt"),
    ("!", "a locked password"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bcrypt_passes() {
        let rest = "N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
        for version in ["a", "b", "x", "y"] {
            assert_eq!(check_bcrypt(&format!("$2{version}$10${rest}")), Ok(()));
        }
        for (hash, format) in [
            (format!("$2$10${rest}"), "is a broken bcrypt hash"),
            (format!("$2b$10${rest}x"), "is a broken bcrypt hash"),
            (format!("$2b$32${rest}"), "is a broken bcrypt hash"),
            (format!("$2b$1${rest}"), "is a broken bcrypt hash"),
            (format!("$2b$10${}=", &rest[1..]), "is a broken bcrypt hash"),
            ("$2b$10".to_owned(), "is a broken bcrypt hash"),
            (format!("bcrypt$$2b$12${rest}"), "is Django's bcrypt (cut `bcrypt$` off)"),
            (format!("bcrypt_sha256$$2b$12${rest}"), "is Django's bcrypt of a SHA-256"),
            ("pbkdf2_sha256$1000000$salt$aGFzaA==".to_owned(), "is Django's PBKDF2"),
            ("$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA".to_owned(), "is Argon2"),
            ("scrypt:32768:8:1$salt$68617368".to_owned(), "is Werkzeug's scrypt"),
            ("$P$Bsalt".to_owned(), "is phpass"),
            ("salt:6b6579".to_owned(), "is of an unknown format"),
            ("!".to_owned(), "is a locked password"),
            (String::new(), "is of an unknown format"),
        ] {
            let error = check_bcrypt(&hash).unwrap_err();
            assert!(error.starts_with(&format!("the password's hash {format}, and")), "{hash}: {error}");
            assert!(hash.len() < 10 || !error.contains(&hash), "{error}");
        }
    }
}
