//! Recognize secrets in texts that the auth center sends back.

use std::fmt::Write;

/// Secrets, in each spelling in which a center may repeat what it was sent.
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    pub(super) fn new(secrets: &[&str]) -> Self {
        let mut spellings = Vec::new();
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            let escaped = serde_json::to_string(secret).unwrap_or_default();
            let escaped = escaped.trim_matches('"').to_owned();
            // As `json.dumps` of Python writes it, which many centers are built with.
            let ascii = ascii_json(&escaped);
            // Without what a message may be stripped of.
            let visible: String = secret.chars().filter(|c| !c.is_control()).collect();
            spellings.extend([(*secret).to_owned(), escaped, ascii, percent_encoded(secret), visible]);
        }
        spellings.retain(|spelling| !spelling.is_empty());
        spellings.sort_unstable();
        spellings.dedup();
        Self(spellings)
    }

    /// Whether a text repeats one of them.
    pub(super) fn are_in(&self, text: &str) -> bool {
        let visible: String = text.chars().filter(|c| !c.is_control()).collect();
        let is_in = |spelling: &String| {
            text.contains(spelling) || visible.contains(spelling) || contains_ignoring_case(text, spelling)
        };
        self.0.iter().any(is_in)
    }
}

/// Escapes have digits in either case: `%2b`, `\u5BC6`.
fn contains_ignoring_case(text: &str, spelling: &str) -> bool {
    let has_escapes = spelling.contains('%') || spelling.contains("\\u");
    has_escapes && text.to_ascii_lowercase().contains(&spelling.to_ascii_lowercase())
}

fn ascii_json(escaped: &str) -> String {
    let mut ascii = String::with_capacity(escaped.len());
    for c in escaped.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
    }
    ascii
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(byte.into()),
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_recognized_in_each_spelling() {
        for (secret, text) in [
            ("hunter2", "the token hunter2 is unknown"),
            (r#"hun"ter\2"#, r#"{"password": "hun\"ter\\2"}"#),
            ("密码hunter2", r#"{"password": "\u5bc6\u7801hunter2"}"#),
            ("密码hunter2", r#"{"password": "\u5BC6\u7801hunter2"}"#),
            ("🎉!", r#""\ud83c\udf89!""#),
            ("a+b/c==", "token=a%2Bb%2Fc%3D%3D&x=1"),
            ("a+b/c==", "token=a%2bb%2fc%3d%3d&x=1"),
            ("hunt\0er2", "hunter2 is bad"),
            ("hunter2", "hunt\u{7}er2 is bad"),
        ] {
            assert!(Secrets::new(&["other", secret]).are_in(text), "{secret} in {text}");
        }
        let secrets = Secrets::new(&["hunter2", ""]);
        for text in ["", "hunter", "HUNTER2", "hunter-2", "no such user"] {
            assert!(!secrets.are_in(text), "{text}");
        }
        assert!(!Secrets::new(&[]).are_in("anything"));
    }
}
