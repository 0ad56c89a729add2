//! The search.

use std::collections::{BTreeMap, HashMap};

use crate::readings::readings;

/// So much of a secret gives it away: an error that shows how a token begins is found, too.
const WINDOW: usize = 8;

/// How many encodings may lie over one another.
const DEPTH: usize = 3;

type Window = [u8; WINDOW];

/// Finds secrets in texts: any eight letters in a row of a word, in either case, and any eight bytes of others, however
/// they are encoded.
#[derive(Default)]
pub struct Search {
    words: HashMap<Window, usize>,
    bytes: HashMap<Window, usize>,
    /// The first two bytes of any window, so that most places are passed at once.
    starts: Vec<bool>,
    names: Vec<String>,
}

/// What was found, each with what stands around it.
pub type Found = BTreeMap<String, String>;

impl Search {
    pub fn new() -> Self {
        Self { starts: vec![false; 1 << 16], ..Self::default() }
    }

    /// Looks for a word, in either case.
    pub fn word(&mut self, name: &str, word: &str) {
        assert!(word.len() >= WINDOW && word.bytes().all(|byte| byte.is_ascii_lowercase()), "{name}: {word}");
        self.names.push(name.to_owned());
        self.add(word.as_bytes(), false);
    }

    /// Looks for bytes, such as those of a key or a signature.
    pub fn bytes(&mut self, name: &str, bytes: &[u8]) {
        assert!(bytes.len() >= WINDOW, "{name}: {bytes:?}");
        self.names.push(name.to_owned());
        self.add(bytes, true);
    }

    fn add(&mut self, secret: &[u8], is_exact: bool) {
        let name = self.names.len() - 1;
        let windows = if is_exact { &mut self.bytes } else { &mut self.words };
        for window in secret.windows(WINDOW) {
            windows.insert(window.try_into().unwrap(), name);
            self.starts[start(window)] = true;
        }
    }

    /// The secrets in a text, by their names.
    pub fn find(&self, text: impl AsRef<[u8]>) -> Found {
        let mut found = Found::new();
        self.read(text.as_ref(), DEPTH, &mut found);
        found
    }

    fn read(&self, text: &[u8], depth: usize, found: &mut Found) {
        let lower = text.to_ascii_lowercase();
        self.scan(&self.bytes, text, text, found);
        self.scan(&self.words, &lower, text, found);
        if depth > 0 {
            readings(text).iter().for_each(|reading| self.read(reading, depth - 1, found));
        }
    }

    fn scan(&self, windows: &HashMap<Window, usize>, text: &[u8], shown: &[u8], found: &mut Found) {
        for (at, window) in text.windows(WINDOW).enumerate() {
            if !self.starts[start(window)] {
                continue;
            }
            let window: &Window = window.try_into().unwrap();
            if let Some(&name) = windows.get(window) {
                let around = &shown[at.saturating_sub(120)..shown.len().min(at + 60)];
                let around = || String::from_utf8_lossy(around).into_owned();
                found.entry(self.names[name].clone()).or_insert_with(around);
            }
        }
    }
}

fn start(window: &[u8]) -> usize {
    usize::from(window[0]) << 8 | usize::from(window[1])
}
