//! All stories in a process of their own, for what is logged on all threads and what is printed; then the search.

use std::collections::BTreeSet;
use std::time::Instant;

use aigc_auth::AuthError;
use aigc_auth::error::ErrorKind;

use test_support::process::Directory;

use super::flight::{DEBUG, ERRORS, Flight, LOG, PLACES, SPANS, plant_name, search};
use super::secrets::EXCUSED;
use super::{public_types, recorder, stories};
use crate::support::test_process;

const CHILD: &str = "AIGC_AUTH_TEST_CANARY";

#[test]
fn no_secret_stands_where_somebody_may_read_it() {
    let directory = Directory::new("canary");
    let mut command = test_process(module_path!(), "child_process_flies");
    stories::set_environment(&mut command, &directory);
    let output = command.env(CHILD, "1").current_dir(&directory.0).output().unwrap();
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success() && stdout.contains("all have flown"), "{stdout}\n{stderr}");
    println!("{stdout}");
    for (place, text) in [("stdout", &stdout), ("stderr", &stderr)] {
        let found: Vec<_> = search().find(text.as_bytes()).into_keys().collect();
        assert_eq!(found, [plant_name(place)], "{text}");
    }
}

#[tokio::test]
async fn child_process_flies() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let flight = Flight::default();
    recorder::install(&flight);
    plant(&flight);
    Box::pin(stories::all(&flight)).await;
    report(&flight);
    println!("all have flown {}", Flight::plant("stdout"));
    eprintln!("{}", Flight::plant("stderr"));
}

/// Where no story does.
fn plant(flight: &Flight) {
    tracing::trace!(target: "aigc_auth::planted", field = Flight::plant(LOG));
    let span = tracing::trace_span!(target: "aigc_auth::planted", "span", field = tracing::field::Empty);
    span.record("field", Flight::plant(SPANS));
    tracing::trace!(target: "hyper::planted", field = ?Flight::plant("log of hyper").into_bytes());
    flight.show(&Flight::plant(DEBUG).into_bytes());
    let cause = std::io::Error::other(Flight::plant(ERRORS));
    flight.error(&AuthError::new(ErrorKind::Unavailable).with_source(cause));
}

fn report(flight: &Flight) {
    let search = flight.search();
    let (mut all, mut leaks) = (vec![], vec![]);
    let mut used = BTreeSet::new();
    let mut blind = vec![];
    for (place, text) in flight.places() {
        let started = Instant::now();
        let mut found = search.find(&text);
        println!("{place}: {} KiB, searched in {:?}", text.len() >> 10, started.elapsed());
        let planted = found.remove(&plant_name(&place)).is_some();
        if !planted && !place.starts_with("log of ") {
            blind.push(place.clone());
        }
        let secrets = found.into_iter().filter(|(name, _)| !name.starts_with("planted in "));
        for (name, around) in secrets {
            let excuse = EXCUSED.iter().position(|(at, what, _)| *at == place && *what == name);
            match excuse {
                Some(excuse) => drop(used.insert(excuse)),
                None => leaks.push(format!("{place}: {name}: {around:?}")),
            }
        }
    }
    let places = flight.places();
    blind
        .extend(PLACES.iter().filter(|place| !places.contains_key(**place)).map(|place| (*place).to_owned()));
    leaks.sort();
    let idle: Vec<_> = EXCUSED.iter().enumerate().filter(|(at, _)| !used.contains(at)).collect();
    let missing = public_types::missing(&flight.shown(), &places[DEBUG]);
    for (what, faults) in [
        ("secrets are to be read", leaks),
        ("places hide what is planted there", blind),
        ("excuses are idle", idle.into_iter().map(|excuse| format!("{excuse:?}")).collect()),
        ("secrets are sent by no story", flight.grounded().into_iter().map(str::to_owned).collect()),
        ("public types have not shown themselves, or are excused without need", missing),
    ] {
        if !faults.is_empty() {
            all.push(format!("{} {what}:\n{}", faults.len(), faults.join("\n")));
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}
