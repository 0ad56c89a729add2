//! Find the credential in an `Authorization` header.

use http::header::HeaderValue;

use super::credential::{Credential, MAX_LEN};

/// Longest `Authorization` header that is accepted, in bytes.
pub(crate) const MAX_HEADER_LEN: usize = MAX_LEN;

/// The content of an `Authorization` header.
pub(crate) enum Presented {
    /// No bearer credential.
    Nothing,
    /// A malformed bearer credential, and the reason.
    Malformed(&'static str),
    /// A credential whose characters are not checked yet: see [`Credential::check`].
    Credential(Credential),
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

    /// Finds the credential in what a caller of this crate has: one alone, or the value of an `Authorization` header.
    #[cfg(feature = "client")]
    pub(crate) fn in_header_or_alone(text: &[u8]) -> Option<Credential> {
        let text = text.trim_ascii();
        match Self::in_value(&HeaderValue::from_bytes(text).ok()?) {
            Self::Credential(credential) => credential.check().is_ok().then_some(credential),
            Self::Malformed(_) => None,
            Self::Nothing => Credential::new(std::str::from_utf8(text).ok()?).ok(),
        }
    }

    fn credential(value: &HeaderValue, start: usize) -> Self {
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
            (&long, "malformed"),
        ];
        for (value, expected) in table {
            let shown = String::from_utf8_lossy(&value[..value.len().min(40)]);
            assert_eq!(presented(value), *expected, "{shown}");
        }
    }
}
