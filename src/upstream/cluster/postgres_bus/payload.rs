use std::fmt::Write;

use crate::ports::invalidation::Invalidation;

/// The longest text that NOTIFY takes.
const MAX_LEN: usize = 7_999;

/// Writes an invalidation for NOTIFY: as JSON in ASCII, since the encoding of a database may have no other letters. One that is too
/// long, of a user with a name of thousands of letters, becomes [`Invalidation::All`], which covers it.
pub(super) fn payload(invalidation: &Invalidation) -> String {
    let text = ascii(&invalidation.to_json());
    if text.len() <= MAX_LEN { text } else { Invalidation::All.to_json() }
}

/// Escapes what is not ASCII, all of which is within strings.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter.is_ascii() {
            text.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                // A `String` takes all.
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_is_short_ascii_and_means_the_same() {
        for (name, is_whole) in [
            ("alice".to_owned(), true),
            ("张三 \"é\" \u{1f600}\n\u{0}".to_owned(), true),
            ("a".repeat(7_960), true),
            ("a".repeat(7_990), false),
            // Six letters each.
            ("张".repeat(1_320), true),
            ("张".repeat(1_340), false),
        ] {
            let invalidation = Invalidation::of(None, Some(&name));
            let payload = payload(&invalidation);
            assert!(payload.is_ascii() && payload.len() < 8_000, "{} letters", payload.len());
            let expected = if is_whole { invalidation } else { Invalidation::All };
            assert_eq!(Invalidation::from_json(payload.as_bytes()), expected);
        }
    }
}
