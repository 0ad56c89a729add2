//! Numbers as the database writes them, and in JSON.

use serde_json::{Number, Value};

use super::column::Bound;

/// Parses a number. Returns it as text if JSON could lose digits of it.
pub(super) fn number(text: String) -> Value {
    if let Ok(integer) = text.parse::<i64>() {
        return integer.into();
    }
    if let Ok(integer) = text.parse::<u64>() {
        return integer.into();
    }
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let number = text.parse::<f64>().ok().filter(|number| digits <= 15 || number.to_string() == text);
    number.and_then(Number::from_f64).map_or(Value::String(text), Value::Number)
}

pub(super) fn integer(text: &str) -> Bound {
    text.parse().map_or_else(|_| Bound::Text(text.to_owned()), Bound::Integer)
}

pub(super) fn is_integer(text: &str) -> bool {
    text.parse::<i128>().is_ok()
}
