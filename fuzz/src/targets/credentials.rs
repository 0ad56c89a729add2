//! The credential of a request, against a model written from RFC 9110 section 11.4 and RFC 6750 section 2.1.
//!
//! Each line of the input is a field of the request: `A` a line of `Authorization`, `C` of `Cookie`, `X` of `X-Token`, `Q` the
//! query, `P` a line of `Sec-WebSocket-Protocol`.

use std::convert::Infallible;

use aigc_auth::credential::{AccessKey, BearerToken};
use aigc_auth::layer::CredentialSource;
use aigc_auth::{AuthError, AuthLayer, UserInfo, Verify, context};
use http::header::{AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use tower::{Layer, ServiceExt, service_fn};

const MAX_LEN: usize = 48;

/// Takes every credential that it is asked about.
struct Everybody;

impl Verify<BearerToken> for Everybody {
    async fn verify(&self, _: BearerToken) -> Result<UserInfo, AuthError> {
        Ok(UserInfo::builder(7, "alice").build())
    }
}

impl Verify<AccessKey> for Everybody {
    async fn verify(&self, _: AccessKey) -> Result<UserInfo, AuthError> {
        Ok(UserInfo::builder(8, "robot").build())
    }
}

/// What one place of the request has.
#[derive(Debug, PartialEq)]
enum Found {
    Nothing,
    Bad,
    TooLong,
    Credential(Vec<u8>),
}

pub(super) fn run(data: &[u8]) {
    let mut fields: Vec<(u8, &[u8])> = Vec::new();
    for line in data.split(|&byte| byte == b'\n').take(16) {
        let Some((&kind, value)) = line.split_first() else { continue };
        let is_field = match kind {
            b'A' | b'C' | b'X' | b'P' => HeaderValue::from_bytes(value).is_ok(),
            b'Q' => uri(value).is_some() && !fields.iter().any(|(kind, _)| *kind == b'Q'),
            _ => false,
        };
        if is_field {
            fields.push((kind, value));
        }
    }
    let all_of = |kind: u8| fields.iter().filter(move |field| field.0 == kind).map(|field| field.1);

    let expected = [
        in_authorization(&all_of(b'A').collect::<Vec<_>>()),
        in_header(&all_of(b'X').collect::<Vec<_>>()),
        in_cookies(all_of(b'C')),
        in_query(all_of(b'Q').next().unwrap_or_default()),
        in_protocols(all_of(b'P')),
    ];
    let mut credentials: Vec<&[u8]> = Vec::new();
    for found in &expected {
        if let Found::Credential(credential) = found
            && !credentials.contains(&credential.as_slice())
        {
            credentials.push(credential);
        }
    }
    let (is_bad, is_long) = (expected.contains(&Found::Bad), expected.contains(&Found::TooLong));

    let (status, seen) = through_the_layer(&fields);
    let shown: Vec<_> =
        fields.iter().map(|(kind, value)| (char::from(*kind), String::from_utf8_lossy(value))).collect();
    match (&credentials[..], is_bad || is_long) {
        ([only], false) => {
            assert_eq!((status, seen.as_deref()), (StatusCode::OK, Some(*only)), "{shown:?}");
        }
        (all, _) => {
            let is_allowed = match status {
                StatusCode::UNAUTHORIZED => is_bad || !is_long || all.len() > 1,
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => is_long,
                _ => false,
            };
            assert!(is_allowed, "{status} for {shown:?}, which is {expected:?}");
        }
    }
}

fn uri(query: &[u8]) -> Option<http::Uri> {
    http::Uri::try_from([b"/?", query].concat()).ok()
}

fn through_the_layer(fields: &[(u8, &[u8])]) -> (StatusCode, Option<Vec<u8>>) {
    let layer = AuthLayer::new(Everybody).max_credential_len(MAX_LEN).credentials_from([
        CredentialSource::authorization(),
        CredentialSource::header("x-token"),
        CredentialSource::cookie("session").insecure_any_origin(),
        CredentialSource::query("token").any_request(),
        CredentialSource::websocket_protocol(),
    ]);
    let inner = service_fn(async |_: Request<axum::body::Body>| {
        let seen = context::credential().map(|credential| credential.as_str().as_bytes().to_vec());
        let mut response = Response::new(axum::body::Body::empty());
        response.extensions_mut().insert(seen);
        Ok::<_, Infallible>(response)
    });
    let mut request = Request::new(axum::body::Body::empty());
    for (kind, value) in fields {
        let name = match kind {
            b'A' => AUTHORIZATION,
            b'C' => COOKIE,
            b'P' => SEC_WEBSOCKET_PROTOCOL,
            b'Q' => {
                *request.uri_mut() = uri(value).unwrap();
                continue;
            }
            _ => HeaderName::from_static("x-token"),
        };
        request.headers_mut().append(name, HeaderValue::from_bytes(value).unwrap());
    }
    request.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    let response = super::block_on(layer.layer(inner).oneshot(request)).unwrap();
    let seen = response.extensions().get::<Option<Vec<u8>>>().cloned().flatten();
    (response.status(), seen)
}

/// RFC 9110 section 11.4: a scheme is a token; after it one space or more, and the credential.
fn after_scheme(value: &[u8]) -> Found {
    let scheme = value.iter().take_while(|byte| is_token_char(**byte)).count();
    let (scheme, rest) = value.split_at(scheme);
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Found::Nothing;
    }
    match rest.iter().position(|byte| *byte != b' ') {
        Some(spaces) if spaces > 0 => b64token(&rest[spaces..]),
        _ => Found::Bad,
    }
}

/// RFC 6750 section 2.1, with two `=` at most.
fn b64token(text: &[u8]) -> Found {
    if text.len() > MAX_LEN {
        return Found::TooLong;
    }
    let body = text.strip_suffix(b"==").or(text.strip_suffix(b"=")).unwrap_or(text);
    let is_char = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    match !body.is_empty() && body.iter().all(is_char) {
        true => Found::Credential(text.to_vec()),
        false => Found::Bad,
    }
}

fn in_authorization(lines: &[&[u8]]) -> Found {
    match lines {
        [] => Found::Nothing,
        [line] => after_scheme(line),
        _ => Found::Bad,
    }
}

fn alone_or_after_scheme(text: &[u8]) -> Found {
    let text = text.trim_ascii();
    // What percent-encoding may bring, and no header could.
    if text.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Found::Bad;
    }
    match after_scheme(text) {
        Found::Nothing => b64token(text),
        found => found,
    }
}

fn in_header(lines: &[&[u8]]) -> Found {
    match lines {
        [] => Found::Nothing,
        [line] if line.trim_ascii().is_empty() => Found::Nothing,
        [line] => alone_or_after_scheme(line),
        _ => Found::Bad,
    }
}

/// RFC 6265 section 4.2.1, and what is sent percent-encoded.
fn in_cookies<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Found {
    let mut found = Found::Nothing;
    let mut count = 0;
    for pair in lines.flat_map(|line| line.split(|&byte| byte == b';')) {
        let Some(equals) = pair.iter().position(|&byte| byte == b'=') else { continue };
        if pair[..equals].trim_ascii() != b"session" {
            continue;
        }
        count += 1;
        let value = pair[equals + 1..].trim_ascii();
        let inner = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
        if !inner.is_empty() {
            found = alone_or_after_scheme(&percent_decoded(inner));
        }
    }
    if count > 1 { Found::Bad } else { found }
}

fn in_query(query: &[u8]) -> Found {
    // A fragment is no part of it.
    let query = query.split(|&byte| byte == b'#').next().unwrap_or_default();
    let pairs = query.split(|&byte| byte == b'&').map(|pair| {
        let equals = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
        (percent_decoded(&pair[..equals]), pair.get(equals + 1..).unwrap_or_default())
    });
    let values: Vec<_> = pairs.filter(|(name, _)| name == b"token").map(|(_, value)| value).collect();
    match &values[..] {
        [] | [b""] => Found::Nothing,
        [value] => alone_or_after_scheme(&percent_decoded(value)),
        _ => Found::Bad,
    }
}

/// The entry after `bearer`.
fn in_protocols<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Found {
    let entries = lines.flat_map(|line| line.split(|&byte| byte == b',')).map(<[u8]>::trim_ascii);
    let mut entries = entries.filter(|entry| !entry.is_empty());
    let mut found = Vec::new();
    while let Some(entry) = entries.next() {
        if entry == b"bearer" {
            found.push(entries.next());
        }
    }
    match &found[..] {
        [] => Found::Nothing,
        [Some(entry)] => alone_or_after_scheme(&percent_decoded(entry)),
        _ => Found::Bad,
    }
}

/// RFC 3986 section 2.1; what is no escape stays.
fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let mut decoded = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match (byte, digit(text.get(at + 1)), digit(text.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).unwrap());
                at += 3;
            }
            _ => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decoded
}

/// RFC 9110 section 5.6.2.
fn is_token_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
