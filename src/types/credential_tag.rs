//! Name a credential to other replicas without showing it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// 16 bytes that stand for a credential: its hash under a key that is derived from the app's secret, so that replicas agree on
/// it, and nobody else finds the credential from it. Its `Display` is lower-case hex, and `FromStr` reads that.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CredentialTag(u128);

impl CredentialTag {
    /// Makes a tag of its bytes, as they were sent.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// Returns the bytes.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

/// A text is not a [`CredentialTag`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseTagError;

impl fmt::Display for ParseTagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a tag of 32 digits of lower-case hex")
    }
}

impl std::error::Error for ParseTagError {}

impl fmt::Display for CredentialTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for CredentialTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CredentialTag {
    type Err = ParseTagError;

    fn from_str(text: &str) -> Result<Self, ParseTagError> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let bits = is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        bits.map(Self).ok_or(ParseTagError)
    }
}

impl Serialize for CredentialTag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CredentialTag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_is_read_back_from_its_hex() {
        let tag = CredentialTag::new(std::array::from_fn(|at| at as u8 * 8));
        let text = tag.to_string();
        assert_eq!((text.len(), &text[..8], text.parse::<CredentialTag>()), (32, "00081018", Ok(tag)));
        assert_eq!(CredentialTag::new(tag.to_bytes()), tag);
        let (plus, short) = (format!("+{}", &text[1..]), &text[1..]);
        for wrong in [short, &plus, &format!("{text}0"), &"AB".repeat(16), "", &"é".repeat(16)] {
            assert_eq!(wrong.parse::<CredentialTag>(), Err(ParseTagError), "{wrong}");
        }
        assert_eq!(format!("{tag:?}"), text);
        assert_eq!(ParseTagError.to_string(), "expected a tag of 32 digits of lower-case hex");
    }
}
