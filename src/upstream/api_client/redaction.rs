//! Recognize secrets in texts that the auth center sends back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// How often escapes are undone: a message within JSON within a message.
const MAX_ESCAPES: usize = 3;

/// Base64 and hexadecimal digits of fewer characters are found in texts that have no secret.
const SHORTEST: usize = 4;

/// Secrets, in each spelling in which a center may repeat what it was sent.
pub(super) struct Secrets {
    plain: Vec<String>,
    /// What base64 makes of them, wherever in a longer text they stand.
    base64: Vec<String>,
    hex: Vec<String>,
}

impl Secrets {
    pub(super) fn new(secrets: &[&str]) -> Self {
        let secrets = || secrets.iter().filter(|secret| !secret.is_empty());
        // Also without what a message may be stripped of.
        let plain = secrets().flat_map(|secret| [(*secret).to_owned(), visible(secret)]);
        let mut plain: Vec<_> = plain.filter(|spelling| !spelling.is_empty()).collect();
        plain.sort_unstable();
        plain.dedup();
        Self {
            plain,
            base64: secrets().flat_map(|secret| base64(secret.as_bytes())).collect(),
            hex: secrets()
                .map(|secret| secret.bytes().map(|byte| format!("{byte:02x}")).collect::<String>())
                .filter(|hex| hex.len() >= SHORTEST)
                .collect(),
        }
    }

    /// Whether a text repeats one of them.
    pub(super) fn are_in(&self, text: &str) -> bool {
        let mut text = text.to_owned();
        for _ in 0..MAX_ESCAPES {
            if self.are_written_in(&text) {
                return true;
            }
            let unescaped = unescaped(&text);
            if unescaped == text {
                return false;
            }
            text = unescaped;
        }
        self.are_written_in(&text)
    }

    fn are_written_in(&self, text: &str) -> bool {
        let (visible, lower) = (visible(text), text.to_ascii_lowercase());
        let standard = text.replace('-', "+").replace('_', "/");
        self.plain.iter().any(|spelling| text.contains(spelling) || visible.contains(spelling))
            || self.base64.iter().any(|spelling| standard.contains(spelling))
            || self.hex.iter().any(|spelling| lower.contains(spelling))
    }
}

fn visible(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// The characters that these bytes alone decide on, for each place at which they may stand within a group of three.
fn base64(secret: &[u8]) -> impl Iterator<Item = String> {
    (0..3).filter_map(|before: usize| {
        let text = STANDARD_NO_PAD.encode([&[0; 2][..before], secret].concat());
        let first = (before * 8).div_ceil(6);
        let end = (before + secret.len()) * 8 / 6;
        text.get(first..end).filter(|text| text.len() >= SHORTEST).map(str::to_owned)
    })
}

/// The text with the escapes of URLs and of JSON undone: `%2B`, `\u5bc6`, `\"`. Centers escape more or less of it: `json.dumps` of
/// Python, all that is not ASCII.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    // The first half of a character that UTF-16 writes as two.
    let mut high = None;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let digits = |from: usize, to: usize| u16::from_str_radix(rest.get(from..to)?, 16).ok();
        let escaped = match first {
            '%' => digits(1, 3).map(|byte| (3, byte)),
            '\\' if rest[1..].starts_with('u') => digits(2, 6).map(|unit| (6, unit)),
            _ => None,
        };
        match escaped {
            Some((len @ 3, byte)) => {
                bytes.extend(u8::try_from(byte));
                rest = &rest[len..];
            }
            Some((len, unit)) => {
                let pair = high.take().map_or([unit, 0], |high| [high, unit]);
                let units = if pair[1] == 0 { &pair[..1] } else { &pair[..] };
                match String::from_utf16(units) {
                    Ok(text) => bytes.extend(text.bytes()),
                    Err(_) => high = Some(unit),
                }
                rest = &rest[len..];
            }
            // Other escapes are the character itself, or a control character, which counts for nothing.
            None if first == '\\' && rest.len() > 1 => {
                let next = rest[1..].chars().next().unwrap_or(first);
                bytes.extend(next.to_string().bytes());
                rest = &rest[1 + next.len_utf8()..];
            }
            None => {
                bytes.extend_from_slice(&rest.as_bytes()[..first.len_utf8()]);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
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
            ("a+b/c==", r#"{"a": "token%3Da%2Bb%2Fc%3D%3D"}"#),
            // All of it escaped, or more than once.
            ("hunter2", "%68%75%6e%74%65%72%32"),
            ("hunter2", r"\u0068\u0075\u006e\u0074\u0065\u0072\u0032"),
            ("hunter2", "%2568%2575%256e%2574%2565%2572%2532"),
            (r#"hun"ter\2"#, r#"{"message": "{\"password\": \"hun\\\"ter\\\\2\"}"}"#),
            // Base64, alone, at each place of a longer text, and by the alphabet of URLs.
            ("hunter2", "aHVudGVyMg=="),
            ("hunter2", "YTpodW50ZXIy is wrong"),
            ("hunter2", "YWI6aHVudGVyMnh5eg"),
            ("hunter2", "eDpodW50ZXIyeHl6"),
            ("hunt>>er??2", "aHVudD4-ZXI_PzI"),
            ("hunter2", "aHVudGVyMg%3D%3D"),
            ("hunter2", "68756e74657232"),
            ("hunter2", "0x68756E74657232"),
            ("hunt\0er2", "hunter2 is bad"),
            ("hunter2", "hunt\u{7}er2 is bad"),
        ] {
            assert!(Secrets::new(&["other", secret]).are_in(text), "{secret} in {text}");
        }
        let secrets = Secrets::new(&["hunter2", ""]);
        for text in [
            "",
            "hunter",
            "HUNTER2",
            "hunter-2",
            "no such user",
            "%",
            "50% \\",
            "\\u12",
            "\\ud83c x",
            "%zz密",
        ] {
            assert!(!secrets.are_in(text), "{text}");
        }
        assert!(!Secrets::new(&[]).are_in("anything"));
    }

    #[test]
    fn short_secret_is_not_found_in_other_numbers() {
        let secrets = Secrets::new(&["a"]);
        assert!(secrets.are_in("unknown token: a") && !secrets.are_in("error 61"));
    }
}
