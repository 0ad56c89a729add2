//! Show in errors what a token says.

use serde_json::Value;

/// A text as an error shows it: quoted, cut, and without control characters.
pub(crate) fn shown(text: &str) -> String {
    const MAX: usize = 100;
    let short: String = text.chars().take(MAX).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    let mut escaped = String::new();
    for letter in short.chars() {
        match letter {
            // No danger between backticks, and JSON is full of them.
            '"' | '\'' => escaped.push(letter),
            _ => escaped.extend(letter.escape_debug()),
        }
    }
    format!("`{escaped}{more}`")
}

/// A few texts as an error shows them.
pub(crate) fn list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    const MAX: usize = 5;
    let mut all: Vec<_> = texts.map(shown).take(MAX + 1).collect();
    if all.len() > MAX {
        all.truncate(MAX);
        all.push("…".to_owned());
    }
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

/// Of which type a value is that is of a wrong one.
pub(crate) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_shown_without_what_could_forge_a_line() {
        for (text, expected) in [
            ("a", "`a`"),
            ("", "``"),
            (r#"["it's"]"#, r#"`["it's"]`"#),
            ("a\nb\tc\u{1b}[31m\0", r"`a\nb\tc\u{1b}[31m\0`"),
            ("\u{202e}\u{2028}é", "`\\u{202e}\\u{2028}é`"),
        ] {
            assert_eq!(shown(text), expected);
        }
        assert_eq!(shown(&"é".repeat(101)), format!("`{}…`", "é".repeat(100)));
        assert_eq!(list(["a", "b"].into_iter()), "`a`, `b`");
        assert_eq!(list((0..5).map(|_| "a")), "`a`, `a`, `a`, `a`, `a`");
        assert_eq!(list((0..6).map(|_| "a")), "`a`, `a`, `a`, `a`, `a`, …");
        assert_eq!(list([].into_iter()), "none");
    }
}
