use std::fmt;

use serde_json::{Map, Value};

/// What a token says that it is, where that is no access token.
///
/// One issuer signs all of them with one key. Those that call themselves one of these are rejected, unless `accept_kind` of
/// the builder says otherwise. Many ID tokens say nothing of themselves: what
/// tells them from access tokens is their audience, the client.
///
/// ```
/// # #[cfg(feature = "jwt")] {
/// use aigc_auth::jwt::{JwtVerifier, TokenKind};
///
/// // A service whose callers send ID tokens.
/// let verifier = JwtVerifier::from_jwks("https://issuer.example/keys").accept_kind(TokenKind::Id);
/// # assert!(verifier.build().is_ok());
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenKind {
    /// A refresh token, which lives for days: `token_type`, `type`, `token_use`, `tokenType` or `typ` says `refresh`,
    /// `refresh_token`, `refresh-token`, or Keycloak's `offline`.
    Refresh,
    /// An ID token, meant for the client alone (OpenID Connect Core section 2): one of them says `id` or `id_token`.
    Id,
    /// A log-out token (OpenID Back-Channel Logout 1.0 section 2.4): `logout+jwt`, `Logout`, or its event.
    Logout,
    /// The proof of a key (RFC 9449 section 4.2): `dpop+jwt`.
    DpopProof,
    /// A security event (RFC 8417): `secevent+jwt`, or the claim `events`.
    SecurityEvent,
    /// An access token that is bound to a key by `cnf` (RFC 7800, RFC 8705, RFC 9449): whoever sends it has to prove that they
    /// have the key, which is not checked here.
    KeyBound,
}

/// Under these names issuers say what a token is; in the header, `typ` does.
const NAMES: [&str; 5] = ["token_type", "tokenType", "type", "token_use", "typ"];
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

impl TokenKind {
    /// Reads what a token says of itself. `None` if that is nothing, or nothing known.
    pub(crate) fn of(typ: Option<&str>, claims: &Map<String, Value>) -> Option<Self> {
        if let Some(kind) = typ.and_then(Self::from_word) {
            return Some(kind);
        }
        // One pass: to look each up by its name costs several times as much.
        let (mut words, mut events, mut cnf) = ([None; NAMES.len()], None, None);
        for (name, value) in claims {
            match name.as_str() {
                "events" => events = Some(value),
                "cnf" => cnf = Some(value),
                name => {
                    let at = NAMES.iter().position(|known| *known == name);
                    if let Some(word) = at.and_then(|at| words.get_mut(at)) {
                        *word = value.as_str();
                    }
                }
            }
        }
        if let Some(kind) = words.into_iter().flatten().find_map(Self::from_word) {
            return Some(kind);
        }
        match (events, cnf) {
            (Some(events), _) if events.get(LOGOUT_EVENT).is_some() => Some(Self::Logout),
            (Some(Value::Object(_)), _) => Some(Self::SecurityEvent),
            (_, Some(Value::Object(_))) => Some(Self::KeyBound),
            _ => None,
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        // No longer one is any of these.
        const MAX: usize = "application/refresh_token+jwt".len();
        let mut buffer = [0; MAX];
        let lower = buffer.get_mut(..word.len())?;
        for (lower, byte) in lower.iter_mut().zip(word.bytes()) {
            *lower = if byte == b'-' { b'_' } else { byte.to_ascii_lowercase() };
        }
        let word = lower.strip_prefix(b"application/").unwrap_or(lower);
        Some(match word.strip_suffix(b"+jwt").unwrap_or(word) {
            b"refresh" | b"refresh_token" | b"offline" | b"rt" => Self::Refresh,
            b"id" | b"id_token" => Self::Id,
            b"logout" | b"logout_token" => Self::Logout,
            b"dpop" => Self::DpopProof,
            b"secevent" => Self::SecurityEvent,
            _ => return None,
        })
    }
}

/// A `typ` as RFC 7515 section 4.1.9 compares it: without `application/`, in small letters.
#[cfg(feature = "jwt")]
pub(crate) fn media_type(typ: &str) -> String {
    let typ = typ.to_ascii_lowercase();
    typ.strip_prefix("application/").unwrap_or(&typ).to_owned()
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refresh => "a refresh token",
            Self::Id => "an ID token",
            Self::Logout => "a log-out token",
            Self::DpopProof => "a DPoP proof",
            Self::SecurityEvent => "a security event",
            Self::KeyBound => "bound to a key (`cnf`), of which no proof is checked here",
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As the issuers of the guide write them, and others.
    #[test]
    fn tokens_say_what_they_are() {
        use TokenKind::*;
        for (typ, claims, expected) in [
            (None, json!({}), None),
            (Some("JWT"), json!({"token_use": "access", "type": "access", "typ": "Bearer"}), None),
            (Some("at+jwt"), json!({"tokenType": "access-token"}), None),
            (None, json!({"type": "access_token", "token_type": "access"}), None),
            // Not a word about the token.
            (None, json!({"type": "user", "typ": 7, "token_type": null, "events": null, "cnf": null}), None),
            (None, json!({"token_type": "refresh"}), Some(Refresh)),
            (None, json!({"type": "refresh"}), Some(Refresh)),
            (None, json!({"token_use": "refresh"}), Some(Refresh)),
            (None, json!({"tokenType": "refresh-token"}), Some(Refresh)),
            (None, json!({"typ": "Refresh"}), Some(Refresh)),
            (None, json!({"typ": "Offline"}), Some(Refresh)),
            (Some("refresh+jwt"), json!({}), Some(Refresh)),
            (None, json!({"typ": "ID"}), Some(Id)),
            (None, json!({"token_use": "id"}), Some(Id)),
            (None, json!({"type": "id_token"}), Some(Id)),
            (None, json!({"typ": "Logout"}), Some(Logout)),
            (Some("logout+jwt"), json!({}), Some(Logout)),
            (Some("application/LOGOUT+JWT"), json!({}), Some(Logout)),
            (Some("Application/Refresh-Token+JWT"), json!({}), Some(Refresh)),
            (Some("application/refresh-token+jwts"), json!({}), None),
            (Some("application/application/id"), json!({}), None),
            (None, json!({"token_type": "access", "typ": "ID", "type": "refresh"}), Some(Refresh)),
            (Some("JWT"), json!({"events": {LOGOUT_EVENT: {}}}), Some(Logout)),
            (Some("dpop+jwt"), json!({}), Some(DpopProof)),
            (Some("secevent+jwt"), json!({}), Some(SecurityEvent)),
            (None, json!({"events": {"urn:x": {}}}), Some(SecurityEvent)),
            (Some("at+jwt"), json!({"cnf": {"jkt": "x"}}), Some(KeyBound)),
            (None, json!({"cnf": {"x5t#S256": "x"}}), Some(KeyBound)),
            (None, json!({"cnf": {"jkt": "x"}, "type": "refresh"}), Some(Refresh)),
        ] {
            assert_eq!(TokenKind::of(typ, claims.as_object().unwrap()), expected, "{typ:?} {claims}");
        }
    }
}
