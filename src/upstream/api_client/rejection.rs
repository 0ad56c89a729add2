//! Business errors: what the auth center says of a call that it rejected.

use serde_json::Value;

use super::feishu_code;
use super::redaction::Secrets;
use crate::types::error::{AuthError, ErrorKind};

/// Longest message that an error keeps, in characters.
const MAX_MESSAGE: usize = 200;

/// Longest `data` that an error keeps, in bytes of JSON.
const MAX_DATA: usize = 4096;

/// The envelope of a rejected call.
pub(super) struct Rejection {
    pub(super) code: i64,
    pub(super) message: String,
    pub(super) data: Option<Value>,
}

impl Rejection {
    /// Returns the error, without a message or data that repeats a secret.
    pub(super) fn into_error(self, endpoint: &'static str, secrets: &[&str]) -> AuthError {
        let secrets = Secrets::new(secrets);
        let mut error = AuthError::new(ErrorKind::Rejected).with_code(self.code);
        if endpoint == "/feishu/message" {
            error = error.with_feishu_code(feishu_code::find(&self.message));
        }
        if !self.message.is_empty() && !secrets.are_in(&self.message) {
            error = error.with_detail(printable(&self.message, MAX_MESSAGE));
        }
        match self.data {
            Some(data)
                if !data.is_null() && is_short(&data) && !any_text(&data, &|text| secrets.are_in(text)) =>
            {
                let text = printable(&data.to_string(), usize::MAX);
                tracing::debug!(endpoint, code = self.code, data = %text, "the auth center sent diagnostics");
                error.with_data(data)
            }
            _ => error,
        }
    }
}

/// Shortens a text and replaces the characters that act on its display, so that it stays one line of a log.
fn printable(text: &str, max: usize) -> String {
    text.chars().take(max).map(|c| if is_control(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Whether a character acts on the display of a text: control characters, separators of lines, marks that change the
/// direction of writing, and those that are invisible.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{e0000}'..='\u{e007f}')
}

fn is_short(data: &Value) -> bool {
    serde_json::to_string(data).is_ok_and(|json| json.len() <= MAX_DATA)
}

/// Whether a text or a name within the data is such a one.
fn any_text(data: &Value, is_such: &impl Fn(&str) -> bool) -> bool {
    match data {
        Value::String(text) => is_such(text),
        Value::Array(items) => items.iter().any(|item| any_text(item, is_such)),
        Value::Object(fields) => fields.iter().any(|(name, value)| is_such(name) || any_text(value, is_such)),
        // Such as a secret of digits alone.
        scalar => is_such(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(message: &str, data: Value) -> AuthError {
        let rejection = Rejection { code: 40401, message: message.to_owned(), data: Some(data) };
        rejection.into_error("/user/info", &["hunter2", "", "1234"])
    }

    #[test]
    fn messages_are_one_line_and_bounded() {
        for (message, expected) in [
            ("no such user", Some("no such user")),
            ("用户不存在 🎉", Some("用户不存在 🎉")),
            (
                "a\r\nb\tc\0d\u{7f}e\u{85}f\u{2028}g\u{202e}h",
                Some("a\u{fffd}\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}e\u{fffd}f\u{fffd}g\u{fffd}h"),
            ),
            ("a\u{61c}b\u{200b}c\u{feff}d\u{e0041}e", Some("a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}e")),
            ("\u{1b}[31mred", Some("\u{fffd}[31mred")),
            ("", None),
            ("the token hunter2 is unknown", None),
        ] {
            assert_eq!(error(message, Value::Null).detail(), expected, "{message:?}");
        }
        assert_eq!(
            error(&"用".repeat(300), Value::Null).detail().map(|detail| detail.chars().count()),
            Some(200)
        );
    }

    #[test]
    fn data_is_kept_unless_it_is_long_or_repeats_a_secret() {
        for (data, kept) in [
            (json!({"feishu_code": 230_013, "log_id": "2026…"}), true),
            (json!(["a", 1, null]), true),
            (json!("x".repeat(4094)), true),
            (json!("x".repeat(4095)), false),
            (Value::Null, false),
            (json!({"tokens": ["a hunter2"]}), false),
            (json!({"a": [{"hunter2": 1}]}), false),
            (json!({"pin": 1234}), false),
        ] {
            let error = error("", data.clone());
            assert_eq!(error.data(), Some(&data).filter(|_| kept));
            assert!(!format!("{error} {error:?}").contains("log_id"));
        }
    }
}
