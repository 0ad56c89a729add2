//! Credentials: bearer tokens and access keys.

use std::fmt;

use http::header::HeaderValue;

use crate::types::error::{AuthError, ErrorKind};

/// The prefix of access keys; any other bearer credential is a token.
const ACCESS_KEY_PREFIX: &[u8] = b"ak_";

/// Longest `Authorization` header that is accepted, in bytes.
const MAX_HEADER_LEN: usize = 8 * 1024;

/// A user's token, as sent after `Bearer`. Its `Debug` is redacted.
///
/// ```
/// use aigc_auth::credential::BearerToken;
///
/// let token = BearerToken::new("eyJhbGciOi.x.y")?;
/// assert_eq!(token.as_str(), "eyJhbGciOi.x.y");
/// assert_eq!(format!("{token:?}"), "BearerToken([redacted])");
/// # Ok::<(), aigc_auth::AuthError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct BearerToken(Text);

/// The key of a user, an app or all apps, sent after `Bearer` and recognized by its `ak_` prefix (lower case). Its `Debug`
/// is redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey(Text);

/// Either kind of credential.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A user's token.
    Bearer(BearerToken),
    /// An access key.
    AccessKey(AccessKey),
}

/// The content of an `Authorization` header.
pub(crate) enum Presented {
    /// No bearer credential.
    Nothing,
    /// A malformed bearer credential, and the reason.
    Malformed(&'static str),
    /// A credential whose characters are not checked yet: see [`Credential::check`].
    Credential(Credential),
}

impl BearerToken {
    /// Parses a token.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidCredential`] if it is empty, over 8 KiB, an access key (`ak_…`), or has characters outside
    /// RFC 6750's `b64token`.
    pub fn new(token: &str) -> Result<Self, AuthError> {
        if token.as_bytes().starts_with(ACCESS_KEY_PREFIX) {
            return Err(AuthError::malformed("an access key was given where a token is needed"));
        }
        Text::new(token).map(Self)
    }

    /// The token itself. It is a secret: keep it out of logs.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    #[cfg(feature = "client")]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl AccessKey {
    /// Parses an access key.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidCredential`] if it does not start with `ak_`, is over 8 KiB, or has characters outside
    /// RFC 6750's `b64token`.
    pub fn new(key: &str) -> Result<Self, AuthError> {
        if !key.as_bytes().starts_with(ACCESS_KEY_PREFIX) {
            return Err(AuthError::malformed("an access key starts with `ak_`"));
        }
        Text::new(key).map(Self)
    }

    /// The key itself. It is a secret: keep it out of logs.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    #[cfg(feature = "client")]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Credential {
    /// Parses a token or an access key, by the `ak_` prefix.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidCredential`] if it is empty, over 8 KiB, or has characters outside RFC 6750's `b64token`.
    pub fn new(credential: &str) -> Result<Self, AuthError> {
        Text::new(credential).map(Self::classify)
    }

    /// The credential itself. It is a secret: keep it out of logs.
    pub fn as_str(&self) -> &str {
        self.text().as_str()
    }

    fn classify(text: Text) -> Self {
        if text.as_bytes().starts_with(ACCESS_KEY_PREFIX) {
            Self::AccessKey(AccessKey(text))
        } else {
            Self::Bearer(BearerToken(text))
        }
    }

    fn text(&self) -> &Text {
        match self {
            Self::Bearer(BearerToken(text)) | Self::AccessKey(AccessKey(text)) => text,
        }
    }

    /// Checks that all characters are allowed in a credential.
    ///
    /// Done only after a cache miss: a cached credential was checked before, and checking 400 bytes takes longer than
    /// finding them.
    pub(crate) fn check(&self) -> Result<(), AuthError> {
        self.text().check()
    }
}

impl Presented {
    /// Finds the credential in the value of an `Authorization` header.
    pub(crate) fn in_value(value: &HeaderValue) -> Self {
        const SCHEME: &[u8] = b"bearer";
        let bytes = value.as_bytes();
        if bytes.len() > MAX_HEADER_LEN {
            return Self::Malformed("the Authorization header is over 8 KiB");
        }
        // The common spelling first.
        if let [b'B', b'e', b'a', b'r', b'e', b'r', b' ', first, ..] = bytes
            && *first != b' '
        {
            return Self::credential(value, SCHEME.len() + 1);
        }
        let Some((scheme, rest)) = bytes.split_at_checked(SCHEME.len()) else { return Self::Nothing };
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Self::Nothing;
        }
        // RFC 6750 section 2.1 requires one space; RFC 9110 section 11.4 allows a run of them, and nothing else.
        let spaces = rest.iter().take_while(|&&byte| byte == b' ').count();
        match (rest.first(), rest.get(spaces)) {
            (_, None) => Self::Malformed("the bearer credential is empty"),
            (Some(b' '), Some(_)) => Self::credential(value, SCHEME.len() + spaces),
            // `Bearerx …` is a scheme of its own; after a tab, a comma or a quote there is none.
            (Some(byte), _) if is_token_char(*byte) => Self::Nothing,
            _ => Self::Malformed("the bearer scheme is not followed by a space"),
        }
    }

    fn credential(value: &HeaderValue, start: usize) -> Self {
        Self::Credential(Credential::classify(Text { value: value.clone(), start }))
    }
}

/// Shares the bytes of its header, so that reading a credential from a request does not allocate.
#[derive(Clone)]
struct Text {
    value: HeaderValue,
    start: usize,
}

impl Text {
    fn new(text: &str) -> Result<Self, AuthError> {
        if text.len() > MAX_HEADER_LEN {
            return Err(AuthError::malformed("the credential is over 8 KiB"));
        }
        let value = HeaderValue::from_str(text).map_err(|_| AuthError::malformed(BAD_CHARACTER))?;
        let text = Self { value, start: 0 };
        text.check()?;
        Ok(text)
    }

    fn as_bytes(&self) -> &[u8] {
        self.value.as_bytes().get(self.start..).unwrap_or_default()
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    fn check(&self) -> Result<(), AuthError> {
        let bytes = self.as_bytes();
        let padding = bytes.iter().rev().take_while(|&&byte| byte == b'=').count();
        let body = bytes.get(..bytes.len() - padding).unwrap_or_default();
        if body.is_empty() {
            return Err(AuthError::malformed("the credential is empty"));
        }
        if body.iter().all(|&byte| is_b64token_char(byte)) {
            Ok(())
        } else {
            Err(AuthError::malformed(BAD_CHARACTER))
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

const BAD_CHARACTER: &str = "the credential has a character that RFC 6750 does not allow";

/// RFC 6750 section 2.1: `b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
fn is_b64token_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
}

/// RFC 9110 section 5.6.2, the characters of a scheme's name.
fn is_token_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

impl AuthError {
    fn malformed(why: &'static str) -> Self {
        Self::new(ErrorKind::InvalidCredential).with_detail(why)
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken([redacted])")
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey([redacted])")
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bearer(token) => token.fmt(f),
            Self::AccessKey(key) => key.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented(value: &[u8]) -> String {
        match Presented::in_value(&HeaderValue::from_bytes(value).unwrap()) {
            Presented::Nothing => "nothing".to_owned(),
            Presented::Malformed(_) => "malformed".to_owned(),
            Presented::Credential(credential) => match (credential.check(), &credential) {
                (Err(_), _) => "malformed".to_owned(),
                (Ok(()), Credential::Bearer(token)) => format!("token {}", token.as_str()),
                (Ok(()), Credential::AccessKey(key)) => format!("key {}", key.as_str()),
            },
        }
    }

    #[test]
    fn authorization_headers() {
        let long = [b"Bearer ".as_slice(), &[b'a'; 9000]].concat();
        let table: &[(&[u8], &str)] = &[
            (b"", "nothing"),
            (b"Basic dXNlcjpwYXNz", "nothing"),
            (b"tok", "nothing"),
            (b"eyJhbGciOiJIUzI1NiJ9.e30.x", "nothing"),
            (b"Bearerx tok", "nothing"),
            (b"Bearer tok", "token tok"),
            (b"bearer tok", "token tok"),
            (b"BEARER    tok", "token tok"),
            (b"Bearer a-b.c_d~e+f/g==", "token a-b.c_d~e+f/g=="),
            (b"Bearer ak_123", "key ak_123"),
            (b"Bearer AK_123", "token AK_123"),
            (b"Bearer", "malformed"),
            (b"Bearer ", "malformed"),
            (b"Bearer     ", "malformed"),
            (b"Bearer =", "malformed"),
            (b"Bearer a=b", "malformed"),
            (b"Bearer tok extra", "malformed"),
            (b"Bearer tok,other", "malformed"),
            (b"Bearer tok, Bearer other", "malformed"),
            (b"Bearer\ttok", "malformed"),
            (b"Bearer \ttok", "malformed"),
            (b"Bearer tok\ttail", "malformed"),
            (b"Bearer,tok", "malformed"),
            (b"Bearer \"tok\"", "malformed"),
            (b"Bearer t\xc3\xb6k", "malformed"),
            (b"Bearer \x80\xff", "malformed"),
            (&long, "malformed"),
        ];
        for (value, expected) in table {
            let shown = String::from_utf8_lossy(&value[..value.len().min(40)]);
            assert_eq!(presented(value), *expected, "{shown}");
        }
    }

    #[test]
    fn each_kind_rejects_the_other() {
        assert!(BearerToken::new("ak_1").is_err());
        assert!(AccessKey::new("tok").is_err());
        assert!(matches!(Credential::new("ak_1"), Ok(Credential::AccessKey(_))));
        assert!(matches!(Credential::new("tok"), Ok(Credential::Bearer(_))));
        assert!(Credential::new("to\nk").is_err());
    }

    #[test]
    fn debug_is_redacted() {
        for text in ["secret", "ak_secret"] {
            assert!(!format!("{:?}", Credential::new(text).unwrap()).contains("secret"));
        }
    }
}
