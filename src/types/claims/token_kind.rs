use std::fmt;

use serde_json::{Map, Value};

/// What a token says that it is, where that is no access token.
///
/// One issuer signs all of them with one key. Those that say that they are one of these are rejected, unless `accept_kind` of
/// the builder says otherwise. Some ID tokens say nothing of themselves: what tells them from access tokens is their
/// audience, the client.
///
/// ```
/// # #[cfg(feature = "jwt")] {
/// use aigc_auth::claims::TokenKind;
/// use aigc_auth::jwt::JwtVerifier;
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
    /// An ID token, meant for the client alone (OpenID Connect Core section 2): one of them says `id` or `id_token`; or it
    /// has the hash of an access token or of a code (`at_hash`, `c_hash`), and none of them says that it is an access token.
    Id,
    /// A log-out token (OpenID Back-Channel Logout 1.0 section 2.4): `logout+jwt`, `Logout`, or its event.
    Logout,
    /// The proof of a key (RFC 9449 section 4.2): `dpop+jwt`.
    DpopProof,
    /// A security event (RFC 8417): `secevent+jwt`, or the claim `events`.
    SecurityEvent,
    /// A token that is bound to a key by `cnf` (RFC 7800, RFC 8705, RFC 9449): whoever sends it has to prove that they
    /// have the key, which is not checked here.
    KeyBound,
}

/// Under these names issuers say what a token is; in the header, `typ` does.
const NAMES: [&str; 5] = ["token_type", "tokenType", "type", "token_use", "typ"];
pub(crate) const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// What a token calls itself.
#[derive(Clone, Copy)]
enum Word {
    Access,
    Other(TokenKind),
}

impl Word {
    fn of(text: &str) -> Option<Self> {
        // No longer one is any of these.
        const MAX: usize = "application/refresh_token+jwt".len();
        let mut buffer = [0; MAX];
        let lower = buffer.get_mut(..text.len())?;
        for (lower, byte) in lower.iter_mut().zip(text.bytes()) {
            *lower = if byte == b'-' { b'_' } else { byte.to_ascii_lowercase() };
        }
        let word = lower.strip_prefix(b"application/").unwrap_or(lower);
        Some(Self::Other(match word.strip_suffix(b"+jwt").unwrap_or(word) {
            b"access" | b"access_token" | b"at" | b"bearer" => return Some(Self::Access),
            b"refresh" | b"refresh_token" | b"offline" | b"rt" => TokenKind::Refresh,
            b"id" | b"id_token" => TokenKind::Id,
            b"logout" | b"logout_token" => TokenKind::Logout,
            b"dpop" => TokenKind::DpopProof,
            b"secevent" => TokenKind::SecurityEvent,
            _ => return None,
        }))
    }
}

impl TokenKind {
    /// Returns what a token says that it is, and where, if that is not among `accepted`. `None` if it says nothing, nothing
    /// known, or that it is an access token. ID tokens alone have `at_hash` and `c_hash`, to bind them to what came with them
    /// (OpenID Connect Core sections 3.1.3.6 and 3.3.2.11).
    pub(crate) fn refused(
        typ: Option<&str>,
        claims: &Map<String, Value>,
        accepted: &[Self],
    ) -> Option<(Self, &'static str)> {
        // One pass: to look each up by its name costs several times as much.
        let (mut words, mut events, mut hash, mut cnf) = ([None; NAMES.len()], None, None, None);
        for (name, value) in claims {
            match name.as_str() {
                "events" => events = Some(value),
                "cnf" => cnf = Some(value),
                "at_hash" if value.is_string() => hash = Some("at_hash"),
                "c_hash" if value.is_string() => hash = hash.or(Some("c_hash")),
                name => {
                    let at = NAMES.iter().position(|known| *known == name);
                    if let Some(word) = at.and_then(|at| words.get_mut(at)) {
                        *word = value.as_str();
                    }
                }
            }
        }
        let is_refused = |kind: &Self| !accepted.contains(kind);
        let mut is_access = false;
        let in_claims = NAMES.iter().zip(words).filter_map(|(name, word)| Some((*name, word?)));
        for (name, text) in typ.map(|typ| ("typ", typ)).into_iter().chain(in_claims) {
            match Word::of(text) {
                Some(Word::Access) => is_access = true,
                Some(Word::Other(kind)) if is_refused(&kind) => return Some((kind, name)),
                _ => {}
            }
        }
        let event = match events {
            Some(events) if events.get(LOGOUT_EVENT).is_some() => Some((Self::Logout, "events")),
            Some(Value::Object(_)) => Some((Self::SecurityEvent, "events")),
            _ => None,
        };
        // Where a token says that it is an access token, that counts.
        let id = hash.filter(|_| !is_access).map(|name| (Self::Id, name));
        let key = cnf.is_some_and(Value::is_object).then_some((Self::KeyBound, "cnf"));
        [event, id, key].into_iter().flatten().find(|(kind, _)| is_refused(kind))
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
            Self::KeyBound => "bound to a key, of which no proof is checked here",
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
            (Some("é+jwt"), json!({"typ": "ééé", "type": "", "token_type": "+jwt", "at_hash": null}), None),
            (None, json!({"token_type": "refresh"}), Some((Refresh, "token_type"))),
            (None, json!({"type": "refresh"}), Some((Refresh, "type"))),
            (None, json!({"token_use": "refresh"}), Some((Refresh, "token_use"))),
            (None, json!({"tokenType": "refresh-token"}), Some((Refresh, "tokenType"))),
            (None, json!({"typ": "Refresh"}), Some((Refresh, "typ"))),
            (None, json!({"typ": "Offline"}), Some((Refresh, "typ"))),
            (Some("refresh+jwt"), json!({}), Some((Refresh, "typ"))),
            (Some("Application/Refresh-Token+JWT"), json!({}), Some((Refresh, "typ"))),
            (Some("application/refresh-token+jwts"), json!({}), None),
            (Some("application/application/id"), json!({}), None),
            (None, json!({"token_type": "access", "typ": "ID", "type": "refresh"}), Some((Refresh, "type"))),
            (None, json!({"typ": "ID"}), Some((Id, "typ"))),
            (None, json!({"token_use": "id"}), Some((Id, "token_use"))),
            (None, json!({"type": "id_token"}), Some((Id, "type"))),
            // Canaille, Logto, ZITADEL: no word, and a hash.
            (Some("JWT"), json!({"at_hash": "x"}), Some((Id, "at_hash"))),
            (None, json!({"c_hash": "x"}), Some((Id, "c_hash"))),
            (None, json!({"c_hash": null}), None),
            (Some("at+jwt"), json!({"at_hash": "x"}), None),
            (Some("JWT"), json!({"at_hash": "x", "c_hash": "x", "typ": "Bearer"}), None),
            (
                Some("JWT"),
                json!({"at_hash": "x", "token_use": "id", "typ": "Bearer"}),
                Some((Id, "token_use")),
            ),
            (None, json!({"typ": "Logout"}), Some((Logout, "typ"))),
            (Some("logout+jwt"), json!({}), Some((Logout, "typ"))),
            (Some("application/LOGOUT+JWT"), json!({}), Some((Logout, "typ"))),
            (Some("JWT"), json!({"events": {LOGOUT_EVENT: {}}}), Some((Logout, "events"))),
            (Some("dpop+jwt"), json!({}), Some((DpopProof, "typ"))),
            (Some("secevent+jwt"), json!({}), Some((SecurityEvent, "typ"))),
            (None, json!({"events": {"urn:x": {}}}), Some((SecurityEvent, "events"))),
            (Some("at+jwt"), json!({"cnf": {"jkt": "x"}}), Some((KeyBound, "cnf"))),
            (None, json!({"cnf": {"x5t#S256": "x"}}), Some((KeyBound, "cnf"))),
            (None, json!({"cnf": {"jkt": "x"}, "type": "refresh"}), Some((Refresh, "type"))),
        ] {
            assert_eq!(
                TokenKind::refused(typ, claims.as_object().unwrap(), &[]),
                expected,
                "{typ:?} {claims}"
            );
        }
    }

    /// A token may be several things at once, and each of them has to be accepted.
    #[test]
    fn every_kind_has_to_be_accepted() {
        use TokenKind::*;
        let claims =
            json!({"type": "refresh", "token_use": "id", "events": {"urn:x": {}}, "cnf": {"jkt": "x"}});
        let refused = |accepted: &[_]| TokenKind::refused(None, claims.as_object().unwrap(), accepted);
        assert_eq!(refused(&[]), Some((Refresh, "type")));
        assert_eq!(refused(&[Refresh]), Some((Id, "token_use")));
        assert_eq!(refused(&[Refresh, Id]), Some((SecurityEvent, "events")));
        assert_eq!(refused(&[Id, Refresh, SecurityEvent]), Some((KeyBound, "cnf")));
        assert_eq!(refused(&[Id, Refresh, SecurityEvent, KeyBound]), None);
    }
}
