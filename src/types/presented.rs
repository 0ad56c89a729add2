//! Find the credential in an `Authorization` header, or in a value that has it alone.

use http::header::HeaderValue;

use super::credential::{Credential, MAX_LEN};

const SCHEME: &[u8] = b"bearer";

/// Longest `Authorization` header that may have a credential, in bytes.
pub(crate) const MAX_HEADER_LEN: usize = SCHEME.len() + 1 + MAX_LEN;

/// The content of an `Authorization` header.
pub(crate) enum Presented {
    /// No bearer credential.
    Nothing,
    /// A credential that is longer than allowed.
    TooLong,
    /// A malformed bearer credential, and the reason.
    Malformed(&'static str),
    /// A credential whose characters are not checked yet: see [`Credential::check`].
    Credential(Credential),
}

impl Presented {
    /// Finds the credential in the value of an `Authorization` header. It may have this many bytes, of [`MAX_LEN`] at most.
    #[inline(always)]
    pub(crate) fn in_value(value: &HeaderValue, max_len: usize) -> Self {
        // The common spelling first.
        if let [b'B', b'e', b'a', b'r', b'e', b'r', b' ', first, ..] = value.as_bytes()
            && *first != b' '
        {
            return Self::credential(value, SCHEME.len() + 1, max_len);
        }
        Self::in_unusual_value(value, max_len)
    }

    #[inline(never)]
    fn in_unusual_value(value: &HeaderValue, max_len: usize) -> Self {
        let bytes = value.as_bytes();
        let Some((scheme, rest)) = bytes.split_at_checked(SCHEME.len()) else { return Self::Nothing };
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Self::Nothing;
        }
        if bytes.len() > MAX_HEADER_LEN {
            return Self::TooLong;
        }
        // RFC 6750 section 2.1 requires one space; RFC 9110 section 11.4 allows a run of them, and nothing else.
        let spaces = rest.iter().take_while(|&&byte| byte == b' ').count();
        match (rest.first(), rest.get(spaces)) {
            (_, None) => Self::Malformed("the bearer credential is empty"),
            (Some(b' '), Some(_)) => Self::credential(value, SCHEME.len() + spaces, max_len),
            // `Bearerx …` is a scheme of its own; after a tab, a comma or a quote there is none.
            (Some(byte), _) if is_token_char(*byte) => Self::Nothing,
            _ => Self::Malformed("the bearer scheme is not followed by a space"),
        }
    }

    /// Finds the credential in a value that has it alone, or after `Bearer` as in an `Authorization` header.
    pub(crate) fn alone_or_after_scheme(text: &[u8], max_len: usize) -> Self {
        let Ok(value) = HeaderValue::from_bytes(text.trim_ascii()) else {
            return Self::Malformed("the credential has a control character");
        };
        match Self::in_value(&value, max_len) {
            Self::Nothing => Self::credential(&value, 0, max_len),
            presented => presented,
        }
    }

    /// The same for what a caller of this crate has, as a credential whose characters are checked.
    #[cfg(feature = "client")]
    pub(crate) fn in_header_or_alone(text: &[u8]) -> Option<Credential> {
        match Self::alone_or_after_scheme(text, MAX_LEN) {
            Self::Credential(credential) => credential.check().is_ok().then_some(credential),
            Self::Nothing | Self::TooLong | Self::Malformed(_) => None,
        }
    }

    #[inline(always)]
    fn credential(value: &HeaderValue, start: usize, max_len: usize) -> Self {
        if value.len() - start > max_len {
            return Self::TooLong;
        }
        Self::Credential(Credential::in_header(value, start))
    }
}

/// RFC 9110 section 5.6.2, the characters of a scheme's name.
fn is_token_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented(value: &[u8]) -> String {
        match Presented::in_value(&HeaderValue::from_bytes(value).unwrap(), 8192) {
            Presented::Nothing => "nothing".to_owned(),
            Presented::TooLong => "too long".to_owned(),
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
        let long = |start: &[u8], len| [start, &vec![b'a'; len]].concat();
        let longest = long(b"Bearer ", 8192);
        let longest_token = format!("token {}", "a".repeat(8192));
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
            (b"Bearer tok=", "token tok="),
            (b"Bearer tok==", "token tok=="),
            (b"Bearer tok===", "malformed"),
            (b"Bearer ak_123===", "malformed"),
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
            (&longest, &longest_token),
            (&long(b"Bearer ", 8193), "too long"),
            (&long(b"bearer   ", 8193), "too long"),
            (&long(b"Basic ", 70_000), "nothing"),
            (&[b"Bearer".as_slice(), &[b' '; 70_000], b"tok"].concat(), "too long"),
        ];
        for (value, expected) in table {
            let shown = String::from_utf8_lossy(&value[..value.len().min(40)]);
            assert_eq!(presented(value), *expected, "{shown}");
        }
    }

    #[test]
    fn longest_credential_of_all_is_64_kib() {
        for scheme in ["Bearer ", "bearer "] {
            for (len, fits) in [(64 * 1024, true), (64 * 1024 + 1, false)] {
                let value = HeaderValue::try_from(format!("{scheme}{}", "a".repeat(len))).unwrap();
                let found = Presented::in_value(&value, MAX_LEN);
                assert_eq!(matches!(found, Presented::Credential(_)), fits, "{scheme}{len}");
                assert_eq!(matches!(found, Presented::TooLong), !fits, "{scheme}{len}");
            }
        }
    }
}
