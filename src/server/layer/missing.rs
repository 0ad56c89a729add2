//! Say what a request without a credential had instead. Of what callers sent, only known words may appear: anything else
//! could be a credential.

use http::HeaderValue;

use super::sources::CredentialSource;
use crate::types::credential_seen::CredentialSeen;
use crate::types::error::{AuthError, ErrorKind};

/// Returns what this `Authorization` has, which has no bearer credential.
#[cold]
pub(super) fn seen(value: &HeaderValue) -> CredentialSeen {
    let value = value.as_bytes().trim_ascii();
    let scheme = value.split(|&byte| byte == b' ').next().unwrap_or_default();
    let is = |names: &[&str]| names.iter().any(|name| scheme.eq_ignore_ascii_case(name.as_bytes()));
    match () {
        () if is(&["Basic"]) => CredentialSeen::Basic,
        () if is(&["Digest"]) => CredentialSeen::Digest,
        () if is(&["Negotiate", "NTLM"]) => CredentialSeen::Negotiate,
        () if is(&["Token", "PrivateToken"]) => CredentialSeen::Token,
        () if is(&["ApiKey", "Api-Key", "Key"]) => CredentialSeen::ApiKey,
        () if scheme.len() == value.len() && !is(&SCHEMES) => CredentialSeen::NoScheme,
        () => CredentialSeen::OtherScheme,
    }
}

/// The registered authentication schemes, and usual ones that are not registered.
const SCHEMES: [&str; 22] = [
    "ApiKey",
    "Api-Key",
    "AWS4-HMAC-SHA256",
    "Basic",
    "Concealed",
    "Digest",
    "DPoP",
    "GNAP",
    "Hawk",
    "HOBA",
    "JWT",
    "Key",
    "Mutual",
    "Negotiate",
    "NTLM",
    "OAuth",
    "PrivateToken",
    "SCRAM-SHA-1",
    "SCRAM-SHA-256",
    "Session",
    "Token",
    "vapid",
];

/// The error for a request with this `Authorization`, which has no bearer credential.
#[cold]
pub(super) fn other_scheme(value: &HeaderValue) -> AuthError {
    let value = value.as_bytes().trim_ascii();
    let scheme = value.split(|&byte| byte == b' ').next().unwrap_or_default();
    let known = SCHEMES.iter().find(|known| scheme.eq_ignore_ascii_case(known.as_bytes()));
    match known {
        Some(known) => {
            AuthError::other_scheme().with_detail(format!("`Authorization` has the scheme `{known}`"))
        }
        None if value.is_empty() => {
            AuthError::new(ErrorKind::MissingCredential).with_detail("`Authorization` is empty")
        }
        None if scheme.len() == value.len() => AuthError::no_scheme()
            .with_detail("`Authorization` has no scheme: `Bearer` and a space have to be before its value"),
        None => AuthError::other_scheme().with_detail("`Authorization` has an unknown scheme"),
    }
}

/// The error for a request whose credential stands where it does not count.
#[cold]
pub(super) fn ignored(error: AuthError, source: &CredentialSource, why: &str) -> AuthError {
    error.with_detail(format!("{source} was not read: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_schemes_are_named_and_nothing_else() {
        for (value, expected) in [
            ("", "is empty"),
            ("   ", "is empty"),
            ("Basic c2VjcmV0OnNlY3JldA==", "has the scheme `Basic`"),
            ("basic c2VjcmV0", "has the scheme `Basic`"),
            ("Token secret", "has the scheme `Token`"),
            ("DPoP secret", "has the scheme `DPoP`"),
            ("Basic", "has the scheme `Basic`"),
            ("secret", "has no scheme"),
            ("eyJsecret.e30.x", "has no scheme"),
            ("secret secret", "has an unknown scheme"),
            ("Bearersecret secret", "has an unknown scheme"),
            ("Basic\tsecret", "has no scheme"),
        ] {
            let error = other_scheme(&HeaderValue::from_static(value)).to_string();
            assert!(error.contains(expected), "{value}: {error}");
            assert!(!error.contains("secret"), "{value}: {error}");
        }
    }

    #[test]
    fn schemes_are_seen_as_few_kinds() {
        for (value, expected) in [
            ("", CredentialSeen::NoScheme),
            ("secret", CredentialSeen::NoScheme),
            ("Basic c2VjcmV0", CredentialSeen::Basic),
            ("basic", CredentialSeen::Basic),
            ("Digest x", CredentialSeen::Digest),
            ("NTLM x", CredentialSeen::Negotiate),
            ("Token secret", CredentialSeen::Token),
            ("Api-Key secret", CredentialSeen::ApiKey),
            ("DPoP secret", CredentialSeen::OtherScheme),
            ("DPoP", CredentialSeen::OtherScheme),
            ("secret secret", CredentialSeen::OtherScheme),
        ] {
            assert_eq!(seen(&HeaderValue::from_static(value)), expected, "{value}");
        }
    }
}
