//! The fuzz target of seed files over its corpus, and over changes of it at random.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::fuzzed;

#[path = "../../../fuzz/src/mutation.rs"]
mod mutation;

#[test]
fn seed_files_are_read_or_their_faults_have_places() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
    let seed = test_support::seed::given().unwrap_or(now.into());
    println!("SEED={seed}");
    let mut dice = mutation::Dice::new(seed);
    let corpus = mutation::corpus(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/seed"));
    let rounds = std::env::var("AIGC_AUTH_LONG").map_or(4_000, |_| 40_000);
    for input in corpus.iter().cloned().chain((0..rounds).map(|_| mutation::mutated(&corpus, &mut dice))) {
        // A panic has the text.
        fuzzed::run(&input);
    }
}
