//! Mask the values of fields that are named like a secret.

use serde_json::{Map, Value};

use super::cut::{MARK, cut_to};

/// What stands in the place of a secret.
pub(crate) const MASK: &str = "***";

/// Parts of names, without the characters that set words apart.
const SECRETS: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "authorization",
    "credential",
    "signature",
];

/// Whether a name speaks of a secret, in any case and with any separators: `accessToken`, `api-key`, `user.password`.
pub(crate) fn is_secret(name: &str) -> bool {
    let name: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    SECRETS.iter().any(|secret| name.contains(secret))
}

/// Whether this value is to be masked. A number of tokens is none: `max_tokens=100`.
pub(crate) fn hides(name: &str, value: &str) -> bool {
    is_secret(name) && !(is_count(name) && value.parse::<f64>().is_ok())
}

/// The same for a header. Cookies hold sessions, and the protocols of a WebSocket may hold a token; what is named `x-match-…`
/// is for the auth center.
fn hides_header(name: &str, value: &str) -> bool {
    let is_match = name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("x-match-"));
    let always = ["cookie", "set-cookie", "sec-websocket-protocol"];
    !is_match && (hides(name, value) || always.iter().any(|secret| name.eq_ignore_ascii_case(secret)))
}

/// Masks the value of a header.
pub(crate) fn header(name: String, value: String) -> (String, String) {
    let value = if hides_header(&name, &value) { MASK.to_owned() } else { value };
    (name, value)
}

fn is_count(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with("tokens")
}

/// Masks a text: the fields of JSON one by one, any other text whole if it mentions a secret.
pub(crate) fn text(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(mut value @ (Value::Object(_) | Value::Array(_))) => {
            json(&mut value);
            value
        }
        _ if is_secret(text) => MASK.into(),
        _ => text.into(),
    }
}

/// Masks the fields of a JSON value, however deep.
pub(crate) fn json(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if is_secret(name) && !(is_count(name) && value.is_number()) {
                    *value = MASK.into();
                } else {
                    json(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(json),
        _ => {}
    }
}

/// The fields of a query or a form, up to so many bytes of names, values and separators; one that is repeated becomes a
/// list. What is left out has a [`MARK`] in its place: at the end of a value, or as a name.
pub(crate) fn form(encoded: &[u8], max_len: usize) -> Map<String, Value> {
    let (mut fields, mut left) = (Map::new(), max_len);
    for (name, value) in form_urlencoded::parse(encoded) {
        if name.len() >= left {
            fields.insert(MARK.to_owned(), "".into());
            break;
        }
        left -= name.len() + 1;
        let is_cut = value.len() > left;
        // Decided by the whole name and value.
        let hidden = hides(&name, &value);
        let value = if hidden { MASK.to_owned() } else { cut_to(value.into_owned(), left) };
        left = left.saturating_sub(value.len() + 1);
        let value = Value::String(value);
        match fields.get_mut(&*name) {
            None => {
                fields.insert(name.into_owned(), value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
        if is_cut && !hidden {
            break;
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn headers_that_hold_secrets() {
        for (name, value, hidden) in [
            ("Authorization", "Bearer a", true),
            ("proxy-authorization", "Basic a", true),
            ("Cookie", "a=b", true),
            ("set-cookie", "a=b", true),
            ("X-Api-Key", "a", true),
            ("x-webhook-signature", "a", true),
            ("Sec-WebSocket-Protocol", "bearer, a", true),
            ("x-used-tokens", "7", false),
            ("X-Match-Token-Price", "0.1", false),
            ("user-agent", "curl", false),
            ("x-match", "a", false),
        ] {
            assert_eq!(hides_header(name, value), hidden, "{name}");
        }
    }

    #[test]
    fn names_that_speak_of_secrets() {
        for name in [
            "password",
            "Password",
            "PASSWD",
            "pwd",
            "new_password",
            "password_confirmation",
            "token",
            "accessToken",
            "access_token",
            "refresh-token",
            "csrf.token",
            "client_secret",
            "api_key",
            "X-Api-Key",
            "apiKey",
            "access_key",
            "private key",
            "Authorization",
            "signature",
            "credentials",
            "pass_word",
            "token[]",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["page", "q", "path", "keyword", "key", "author", "username", "passenger", "密码", ""] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn forms() {
        for (encoded, expected) in [
            ("", json!({})),
            ("a=1&b=two+words&c=%E7%88%B1&d", json!({"a": "1", "b": "two words", "c": "爱", "d": ""})),
            ("a=1&a=2&a=3", json!({"a": ["1", "2", "3"]})),
            (
                "max_tokens=100&prompt_tokens=abc&token=7",
                json!({"max_tokens": "100", "prompt_tokens": "***", "token": "***"}),
            ),
            ("token=x&token=y", json!({"token": ["***", "***"]})),
            ("%74oken=x", json!({"token": "***"})),
            ("a=%FF", json!({"a": "\u{fffd}"})),
        ] {
            assert_eq!(Value::Object(form(encoded.as_bytes(), usize::MAX)), expected, "{encoded}");
        }
    }

    #[test]
    fn long_forms_are_cut() {
        for (encoded, expected) in [
            ("q=12345678901234567", json!({"q": "12345678901234567"})),
            ("q=123456789012345678&a=1", json!({"q": "123456789012345678", "…[cut]": ""})),
            ("q=1234567890123456789", json!({"q": "1234567890…[cut]"})),
            (
                "q=%E7%88%B1%E7%88%B1%E7%88%B1%E7%88%B1%E7%88%B1%E7%88%B1%E7%88%B1",
                json!({"q": "爱爱爱…[cut]"}),
            ),
            ("q=1234567890123456789&a=1&b=2", json!({"q": "1234567890…[cut]"})),
            ("a=1&b=2&q=1234567890123456789", json!({"a": "1", "b": "2", "q": "12…[cut]"})),
            ("a=1&abcdefghijklmnopqrs=1", json!({"a": "1", "…[cut]": ""})),
            ("abcdefghijklmnopqrs&a=1", json!({"abcdefghijklmnopqrs": "", "…[cut]": ""})),
            // A secret is masked however long it is.
            ("token=1234567890123456789&a=1", json!({"token": "***", "a": "1"})),
            ("q=1&token_1234567890123456789=2", json!({"q": "1", "…[cut]": ""})),
        ] {
            assert_eq!(Value::Object(form(encoded.as_bytes(), 20)), expected, "{encoded}");
        }
        let many = form("a=1&".repeat(100_000).as_bytes(), 1_024);
        assert!(many["a"].as_array().unwrap().len() <= 256, "{many:?}");
    }

    #[test]
    fn texts() {
        for (given, expected) in [
            ("plain words", json!("plain words")),
            ("{\"password\": \"x\", \"a\": 1}", json!({"password": "***", "a": 1})),
            ("7", json!("7")),
            ("user=alice&password=x", json!("***")),
            ("Authorization: Bearer x", json!("***")),
            ("{\"password\": \"x\"", json!("***")),
        ] {
            assert_eq!(text(given), expected, "{given}");
        }
    }

    #[test]
    fn json_however_deep() {
        let mut value =
            json!({"a": [{"token": {"b": 1}}, ["x"]], "Secret": [1], "c": null, "max_tokens": 9, "pwd": 9});
        json(&mut value);
        assert_eq!(
            value,
            json!({"a": [{"token": "***"}, ["x"]], "Secret": "***", "c": null, "max_tokens": 9, "pwd": "***"})
        );
    }
}
