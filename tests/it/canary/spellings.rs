//! The search finds a secret in whatever spelling.

use ::canary::{Search, sha256, word};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

const NAME: &str = "a secret of this test";

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn planted_secret_is_found_in_each_spelling() {
    let mut search = Search::new();
    let secret = word(NAME);
    search.word(NAME, &secret);
    search.bytes(NAME, &sha256(&secret));
    let pretty = format!("{:#?}", secret.as_bytes());
    let escaped: String = secret.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    let spellings = [
        secret.clone(),
        secret.to_uppercase(),
        format!("{}…", &secret[..8]),
        format!("…{}", &secret[16..]),
        percent(&secret),
        percent(&percent(&secret)),
        escaped.clone(),
        format!("{escaped:?}"),
        format!(
            "\\x{}",
            hex(&secret)
                .as_bytes()
                .chunks(2)
                .map(|pair| std::str::from_utf8(pair).unwrap())
                .collect::<Vec<_>>()
                .join("\\x")
        ),
        format!("{:?}", secret.as_bytes()),
        pretty,
        hex(&secret),
        hex(&secret).to_uppercase(),
        format!("0{}", hex(&secret)),
        STANDARD.encode(&secret),
        URL_SAFE_NO_PAD.encode(format!("\u{ff}?>{secret}")),
        STANDARD_NO_PAD.encode(format!("a:{secret}")),
        STANDARD_NO_PAD.encode(format!("ab:{secret}xyz")),
        STANDARD.encode(format!("{{\"a\":\"{}\"}}", percent(&secret))),
        hex(STANDARD.encode(format!("abc:{secret}"))),
        STANDARD.encode(STANDARD.encode(&secret)),
        hex(sha256(&secret)),
        STANDARD.encode(sha256(&secret)),
        format!("{:?}", sha256(&secret)),
    ];
    for spelling in spellings {
        for (before, after) in [("", ""), ("token=", "&x=1"), ("ak_", "."), ("abc ", "\n99, 100,")] {
            let text = format!("some text {before}{spelling}{after} and more");
            let found = search.find(&text);
            assert!(found.contains_key(NAME), "{text}");
        }
    }
    // Raw bytes, as in a file.
    assert!(!search.find([&[0, 255][..], &sha256(&secret), &[7]].concat()).is_empty());
}

#[test]
fn nothing_is_found_where_nothing_is() {
    let mut search = Search::new();
    let secret = word(NAME);
    search.word(NAME, &secret);
    search.bytes(NAME, &sha256(&secret));
    for text in [
        String::new(),
        secret[..7].to_owned(),
        word("another secret"),
        hex(sha256("another secret")),
        secret.chars().rev().collect(),
        "[104, 117, 110, 116, 101, 114, 50, 33, 1000]".to_owned(),
    ] {
        assert!(search.find(&text).is_empty(), "{text}");
    }
}

#[test]
fn words_are_each_their_own() {
    let words: std::collections::BTreeSet<_> = super::secrets::SECRETS.map(word).into();
    assert_eq!(words.len(), super::secrets::SECRETS.len());
}
