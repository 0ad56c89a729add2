//! What a run collects: where secrets might come to stand, by the name of the place.

use std::any::type_name;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::error::Error;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use ::canary::{Search, sha256, word};
use aigc_auth::observer::{Event, Observer};

use super::secrets::SECRETS;
use crate::support::Answer;

pub(super) const LOG: &str = "log";
pub(super) const SPANS: &str = "spans";
pub(super) const DEBUG: &str = "`Debug`";
pub(super) const ERRORS: &str = "errors";
pub(super) const ANSWERS: &str = "answers";
pub(super) const EVENTS: &str = "observer";
pub(super) const METRICS: &str = "metrics";
pub(super) const USAGE: &str = "usage records";
pub(super) const SPOOL: &str = "spool";
pub(super) const REDIS: &str = "Redis";
pub(super) const TABLES: &str = "tables";
pub(super) const AUDIT: &str = "audit";
pub(super) const FILES: &str = "files";
pub(super) const OPENAPI: &str = "OpenAPI";

/// The places. What other crates log is told apart by `log of` and the crate.
pub(super) const PLACES: [&str; 14] =
    [LOG, SPANS, DEBUG, ERRORS, ANSWERS, EVENTS, METRICS, USAGE, SPOOL, REDIS, TABLES, AUDIT, FILES, OPENAPI];

/// Clones are one.
#[derive(Clone, Default)]
pub(super) struct Flight(Arc<Inner>);

#[derive(Default)]
struct Inner {
    places: Mutex<BTreeMap<String, Vec<u8>>>,
    said: Mutex<HashSet<(String, [u8; 32])>>,
    flown: Mutex<BTreeSet<&'static str>>,
    /// Signatures and keys, which are made as they are needed.
    bytes: Mutex<Vec<(&'static str, Vec<u8>)>>,
    shown: Mutex<BTreeSet<String>>,
}

impl Flight {
    /// The word of a secret, which is on its way from now on.
    #[track_caller]
    pub(super) fn secret(&self, name: &'static str) -> String {
        assert!(SECRETS.contains(&name), "{name} is not in the list");
        self.0.flown.lock().unwrap().insert(name);
        word(name)
    }

    /// Looks for these bytes as well.
    #[track_caller]
    pub(super) fn secret_bytes(&self, name: &'static str, bytes: &[u8]) {
        self.secret(name);
        self.0.bytes.lock().unwrap().push((name, bytes.to_vec()));
    }

    /// A word that is put where it is to be found.
    pub(super) fn plant(place: &str) -> String {
        word(&plant_name(place))
    }

    pub(super) fn put(&self, place: &str, text: impl AsRef<[u8]>) {
        // Most of it is said many times.
        if self.0.said.lock().unwrap().insert((place.to_owned(), sha256(&text))) {
            let mut places = self.0.places.lock().unwrap();
            let place = places.entry(place.to_owned()).or_default();
            place.extend_from_slice(text.as_ref());
            place.push(b'\n');
        }
    }

    /// Takes down what a type shows of itself.
    pub(super) fn show<T: Debug>(&self, value: &T) {
        self.0.shown.lock().unwrap().insert(type_name::<T>().to_owned());
        self.put(DEBUG, format!("{value:?}\n{value:#?}"));
    }

    /// Takes down an error, down to its last cause.
    pub(super) fn error<E: Error + 'static>(&self, error: &E) {
        self.show(error);
        let mut next = Some(error as &(dyn Error + 'static));
        while let Some(error) = next {
            self.put(ERRORS, format!("{error}\n{error:?}\n{error:#?}"));
            next = error.source();
        }
    }

    /// Takes down what came of a call, and returns whether it was a success.
    pub(super) fn outcome<T: Debug, E: Error + 'static>(&self, outcome: Result<T, E>) -> Option<T> {
        match outcome {
            Ok(value) => {
                self.show(&value);
                Some(value)
            }
            Err(error) => {
                self.error(&error);
                None
            }
        }
    }

    /// Takes down what a caller was answered.
    pub(super) fn answer(&self, answer: &Answer) {
        let Answer { status, headers, body, trailers } = answer;
        self.put(ANSWERS, format!("{status} {headers:?} {body} {trailers:?}"));
    }

    pub(super) fn places(&self) -> BTreeMap<String, Vec<u8>> {
        self.0.places.lock().unwrap().clone()
    }

    pub(super) fn shown(&self) -> BTreeSet<String> {
        self.0.shown.lock().unwrap().clone()
    }

    /// The secrets that no story has sent on their way.
    pub(super) fn grounded(&self) -> Vec<&'static str> {
        let flown = self.0.flown.lock().unwrap();
        SECRETS.into_iter().filter(|name| !flown.contains(name)).collect()
    }

    /// A search for all secrets and plants. A plain hash of a secret would serve to recognize it, and to guess it.
    pub(super) fn search(&self) -> Search {
        let mut search = search();
        for (name, bytes) in self.0.bytes.lock().unwrap().iter() {
            search.bytes(name, bytes);
        }
        search
    }
}

/// As [`Flight::search`], for what is no more than words.
pub(super) fn search() -> Search {
    let mut search = Search::new();
    for name in SECRETS {
        search.word(name, &word(name));
        search.bytes(&format!("hash of {name}"), &sha256(word(name)));
    }
    for place in PLACES.iter().chain(&["stdout", "stderr", "log of hyper"]) {
        search.word(&plant_name(place), &Flight::plant(place));
    }
    search
}

pub(super) fn plant_name(place: &str) -> String {
    format!("planted in {place}")
}

impl Observer for Flight {
    fn observe(&self, event: &Event) {
        self.show(event);
        self.put(EVENTS, format!("{event:?}"));
    }
}
