//! What a text says once its encodings are undone: percent and other escapes, base64, hexadecimal digits, lists of bytes.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Shorter ones hold no eight bytes.
const SHORTEST_BASE64: usize = 11;
const SHORTEST_HEX: usize = 16;
const SHORTEST_LIST: usize = 8;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Each way to read it, other than as it stands.
pub(super) fn readings(text: &[u8]) -> Vec<Vec<u8>> {
    let all = [unescaped(text), from_base64(text), from_hex(text), from_list(text)];
    all.into_iter().filter(|reading| !reading.is_empty() && reading != text).collect()
}

/// `%41`, `\u0041`, `\u{41}`, `\x41`, `&#x41;`, and a backslash before anything else.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut read = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let (len, code) = escape(&text[at..]).unwrap_or((1, u32::from(text[at])));
        match u8::try_from(code) {
            Ok(byte) => read.push(byte),
            Err(_) => read.extend(char::from_u32(code).unwrap_or(' ').to_string().bytes()),
        }
        at += len;
    }
    read
}

/// The length of the escape that a text begins with, and what it stands for.
fn escape(text: &[u8]) -> Option<(usize, u32)> {
    let digits = |from: usize, len: usize| {
        let digits = std::str::from_utf8(text.get(from..from + len)?).ok()?;
        Some((from + len, u32::from_str_radix(digits, 16).ok()?))
    };
    let until = |from: usize, end: u8| {
        let len = text.iter().skip(from).take(7).position(|&byte| byte == end)?;
        digits(from, len).map(|(at, code)| (at + 1, code))
    };
    match text {
        [b'%', ..] => digits(1, 2),
        [b'\\', b'u', b'{', ..] => until(3, b'}'),
        [b'\\', b'u', ..] => digits(2, 4),
        [b'\\', b'x', ..] => digits(2, 2),
        [b'&', b'#', b'x', ..] => until(3, b';'),
        [b'\\', escaped, ..] => Some((2, u32::from(*escaped))),
        _ => None,
    }
}

/// Both alphabets, from each of the four places at which a group of letters may begin.
fn from_base64(text: &[u8]) -> Vec<u8> {
    let mut read = Vec::new();
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    for run in text.split(|byte| !is_letter(byte)).filter(|run| run.len() >= SHORTEST_BASE64) {
        let standard: Vec<u8> = run
            .iter()
            .map(|byte| match byte {
                b'-' => b'+',
                b'_' => b'/',
                other => *other,
            })
            .collect();
        for start in 0..4 {
            let letters = &standard[start..];
            // One letter alone says nothing.
            let letters = &letters[..letters.len() - usize::from(letters.len() % 4 == 1)];
            read.extend(LENIENT.decode(letters).unwrap_or_default());
            read.push(b'\n');
        }
    }
    read
}

/// In either case, from both places at which a pair of digits may begin.
fn from_hex(text: &[u8]) -> Vec<u8> {
    let mut read = Vec::new();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for run in text.split(|byte| !byte.is_ascii_hexdigit()).filter(|run| run.len() >= SHORTEST_HEX) {
        for start in 0..2 {
            let pairs = run[start..].chunks_exact(2);
            read.extend(pairs.filter_map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)));
            read.push(b'\n');
        }
    }
    read
}

/// `[104, 117, 110]`, as `{:?}` shows bytes, and `{:#?}` on lines of their own.
fn from_list(text: &[u8]) -> Vec<u8> {
    let mut read = Vec::new();
    let is_of_list = |byte: &u8| byte.is_ascii_digit() || *byte == b',' || byte.is_ascii_whitespace();
    for run in text.split(|byte| !is_of_list(byte)).filter(|run| run.len() >= 2 * SHORTEST_LIST) {
        let numbers = run.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        let bytes = numbers.map(|number| std::str::from_utf8(number).ok()?.parse::<u8>().ok());
        read.extend(bytes.map(|byte| byte.unwrap_or(b'\n')));
        read.push(b'\n');
    }
    read
}
