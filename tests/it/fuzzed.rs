//! Each fuzz target over its corpus, and over changes of it at random. `SEED` repeats a run, `AIGC_AUTH_LONG` makes ten
//! times as many changes; `fuzz/run.sh` searches by what the code does with them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

#[path = "../../fuzz/src/mutation.rs"]
mod mutation;
#[path = "../../fuzz/src/targets/mod.rs"]
mod targets;

use mutation::{Dice, corpus, mutated};
use targets::{TARGETS, Target};

fn run_over_corpus(name: &str) {
    let Target { run, mutations, .. } = TARGETS.iter().find(|target| target.name == name).unwrap();
    let seed = crate::support::random().u64(..);
    let mut dice = Dice::new(seed);
    let corpus = corpus(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name));
    let rounds = std::env::var("AIGC_AUTH_LONG").map_or(1, |_| 10);
    let changed = (0..mutations * rounds).map(|_| mutated(&corpus, &mut dice));
    for input in corpus.iter().cloned().chain(changed) {
        if catch_unwind(AssertUnwindSafe(|| run(&input))).is_err() {
            panic!("the target `{name}` fails for {:?}", String::from_utf8_lossy(&input));
        }
    }
}

macro_rules! over_corpus {
    ($($test:ident: $name:literal;)+) => {
        $(#[test]
        fn $test() {
            run_over_corpus($name);
        })+

        #[test]
        fn each_target_has_a_test() {
            let tested = [$($name),+];
            assert_eq!(TARGETS.map(|target| target.name), tested);
        }
    };
}

over_corpus! {
    credentials_are_found_as_the_model_finds_them: "credentials";
    answers_read_in_one_pass_are_those_of_the_tree: "envelope";
    exclusions_open_what_the_model_opens: "exclusions";
    key_sets_accept_no_token_that_jsonwebtoken_rejects: "key_set";
    retry_after_is_read_as_the_model_reads_it: "retry_after";
    damaged_spools_are_kept_and_yield_records_once: "spool";
    verifiers_accept_no_token_that_jsonwebtoken_rejects: "token";
    listings_and_spellings_have_the_same_users: "users";
    webhooks_are_handled_only_if_the_model_finds_them_signed: "webhook";
}
