//! Read times, numbers and bytes from texts.

use serde_json::{Number, Value};

/// Returns a time that names its zone as MySQL writes it in UTC, for its own texts have none.
pub(crate) fn in_utc(text: &str) -> Option<String> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(time.strftime("%F %T%.f").to_string())
}

/// Whether a text is a date, or a date and a time, without a zone.
pub(crate) fn is_without_zone(text: &str) -> bool {
    let is_date = |date: &str| date.chars().all(|character| character.is_ascii_digit() || character == '-');
    let is_time =
        |time: &str| time.chars().all(|character| character.is_ascii_digit() || ":.".contains(character));
    match text.split_at_checked(10) {
        Some((date, "")) => is_date(date),
        Some((date, time)) => is_date(date) && time.strip_prefix([' ', 'T']).is_some_and(is_time),
        None => false,
    }
}

/// Parses a number. Returns it as text if JSON could lose digits of it.
pub(crate) fn number(text: String) -> Value {
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

pub(crate) fn is_integer(text: &str) -> bool {
    text.parse::<i128>().is_ok()
}

/// Whether a text is a number that has other digits once it is one: `007` and `7` may be two users.
pub(crate) fn is_padded(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = digits.parse::<f64>().is_ok();
    let has_zeros =
        digits.strip_prefix('0').is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_digit()));
    is_number && (text.starts_with('+') || text == "-0" || has_zeros)
}

/// Reads pairs of hexadecimal digits.
pub(crate) fn bytes(hexadecimal: &str) -> Option<Vec<u8>> {
    let digits = hexadecimal.as_bytes();
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padded_numbers_lose_something() {
        for (text, padded) in [
            ("7", false),
            ("-7", false),
            ("0", false),
            ("0.30", false),
            ("NaN", false),
            ("007", true),
            ("-07", true),
            ("+7", true),
            ("-0", true),
            ("00.5", true),
            // No numbers, which is another error.
            ("+", false),
            ("00x", false),
            ("", false),
        ] {
            assert_eq!(is_padded(text), padded, "{text}");
        }
    }
}
