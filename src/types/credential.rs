//! Credentials: bearer tokens and access keys.

use std::fmt;

use http::header::HeaderValue;

use crate::types::credential_seen::CredentialSeen;
use crate::types::error::{AuthError, ErrorKind};

/// The prefix of access keys; any other bearer credential is a token.
const ACCESS_KEY_PREFIX: &[u8] = b"ak_";

/// Longest credential, in bytes. A layer takes shorter ones: `AuthLayer::max_credential_len`.
pub(crate) const MAX_LEN: usize = 64 * 1024;

/// How many `=` a credential may end with, as base64 has it. RFC 6750 sets no bound; without one, a lenient auth center
/// would take one token under thousands of spellings, each with an entry of its own in the cache.
const MAX_PADDING: usize = 2;

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

impl BearerToken {
    /// Parses a token.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidCredential`] if it is empty, over 64 KiB, an access key (`ak_…`), ends with more than two `=`, or
    /// has characters outside RFC 6750's `b64token`.
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
    /// [`ErrorKind::InvalidCredential`] if it does not start with `ak_`, is over 64 KiB, ends with more than two `=`, or has
    /// characters outside RFC 6750's `b64token`.
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
    /// What it is to whoever observes refusals, wherever it stood.
    pub(crate) const fn seen(&self) -> CredentialSeen {
        match self {
            Self::Bearer(_) => CredentialSeen::Bearer,
            Self::AccessKey(_) => CredentialSeen::AccessKey,
        }
    }

    /// Parses a token or an access key, by the `ak_` prefix.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidCredential`] if it is empty, over 64 KiB, ends with more than two `=`, or has characters outside
    /// RFC 6750's `b64token`.
    pub fn new(credential: &str) -> Result<Self, AuthError> {
        Text::new(credential).map(Self::classify)
    }

    /// The spellings that a lenient base64 decoder takes for the same: with no, one and two `=` at the end.
    #[cfg(feature = "client")]
    pub(crate) fn spellings(&self) -> impl Iterator<Item = Self> {
        let bare = self.as_str().trim_end_matches('=').to_owned();
        (0..=MAX_PADDING).filter_map(move |padding| Self::new(&format!("{bare}{:=<padding$}", "")).ok())
    }

    /// Copies the credential out of the head that it came in: its header shares the buffer of the whole head, up to
    /// 400 KiB, which must not stay in memory for a lookup that outlives the request.
    pub(crate) fn detached(self) -> Self {
        match self {
            Self::Bearer(BearerToken(text)) => Self::Bearer(BearerToken(text.detached())),
            Self::AccessKey(AccessKey(text)) => Self::AccessKey(AccessKey(text.detached())),
        }
    }

    /// The credential itself. It is a secret: keep it out of logs.
    pub fn as_str(&self) -> &str {
        self.text().as_str()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.text().as_bytes()
    }

    /// Returns the credential at the end of a header's value, from this byte on. Its characters are not checked.
    #[inline(always)]
    pub(super) fn in_header(value: &HeaderValue, start: usize) -> Self {
        Self::classify(Text { value: value.clone(), start })
    }

    #[inline(always)]
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

impl From<BearerToken> for Credential {
    fn from(token: BearerToken) -> Self {
        Self::Bearer(token)
    }
}

impl From<AccessKey> for Credential {
    fn from(key: AccessKey) -> Self {
        Self::AccessKey(key)
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
        if text.len() > MAX_LEN {
            return Err(AuthError::malformed("the credential is over 64 KiB"));
        }
        let value = HeaderValue::from_str(text).map_err(|_| AuthError::malformed(BAD_CHARACTER))?;
        let text = Self { value, start: 0 };
        text.check()?;
        Ok(text)
    }

    fn detached(self) -> Self {
        match HeaderValue::from_bytes(self.as_bytes()) {
            Ok(value) => Self { value, start: 0 },
            // Part of a header's value is one, too.
            Err(_) => self,
        }
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
        if padding > MAX_PADDING {
            return Err(AuthError::malformed("the credential ends with more than two `=`"));
        }
        let body = bytes.get(..bytes.len() - padding).unwrap_or_default();
        if body.is_empty() {
            return Err(AuthError::malformed("the credential is empty"));
        }
        // Without a way out in the middle: what is not allowed is rare, and the loop a third as long.
        if body.iter().fold(true, |is_allowed, &byte| is_allowed & B64TOKEN[usize::from(byte)]) {
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

/// Whether a byte is allowed, by RFC 6750 section 2.1: `b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
static B64TOKEN: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let of = byte as u8;
        allowed[byte] = of.is_ascii_alphanumeric() || matches!(of, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
        byte += 1;
    }
    allowed
};

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

    #[test]
    fn each_kind_rejects_the_other() {
        assert!(BearerToken::new("ak_1").is_err());
        assert!(AccessKey::new("tok").is_err());
        assert!(matches!(Credential::new("ak_1"), Ok(Credential::AccessKey(_))));
        assert!(matches!(Credential::new("tok"), Ok(Credential::Bearer(_))));
        assert!(Credential::new("to\nk").is_err());
    }

    #[test]
    fn longest_credential_is_64_kib() {
        for (len, fits) in [(64 * 1024, true), (64 * 1024 + 1, false)] {
            assert_eq!(Credential::new(&"a".repeat(len)).is_ok(), fits, "{len}");
        }
    }

    #[test]
    fn debug_is_redacted() {
        for (text, shown) in [("secret", "BearerToken([redacted])"), ("ak_secret", "AccessKey([redacted])")] {
            assert_eq!(format!("{:?}", Credential::new(text).unwrap()), shown);
        }
    }
}
