//! The processor time of a lookup, beside that of a bare `reqwest` POST of the same request with an answer of the same size.
//!
//! Everything runs on one thread, whose account the kernel keeps; the center is another process. All ways take turns.

use crate::account::{account, spent};
use crate::asking::{Asking, Way};
use crate::spread::Spread;
use crate::valgrind::Counted;

/// How many lookups are made in a round, and how many calls at a time.
const LOOKUPS: u64 = 480;
const AT_A_TIME: [u64; 2] = [1, 16];
/// Permissions of the user in the answer: about as many bytes as a usual one has, and 4 KiB.
const PERMISSIONS: [usize; 2] = [10, 200];

const WAYS: [(Way, &str); 2] = [(Way::Bare, "bare"), (Way::Client, "AuthClient")];

/// Under valgrind: `way permissions at-a-time`.
pub(crate) fn run(name: &str, count: u32) {
    let mut words = name.split(' ');
    let mut word = || words.next().expect("three words");
    let name = word();
    let (way, _) = WAYS.into_iter().find(|(_, known)| *known == name).expect("a way");
    let [permissions, at_a_time] = [word(), word()].map(|number| number.parse().expect("a number"));
    let mut asking = Asking::new(permissions as usize);
    asking.ask(way, u64::from(count) * at_a_time, at_a_time);
}

pub(crate) fn measure(is_bench: bool) {
    let rounds = if is_bench { 61 } else { 1 };
    if is_bench {
        println!("\nProcessor time of a lookup, bare reqwest POST = 1 (goal: 1.25)");
        println!(
            "{:<12} {:>10} {:>10} {:>10} {:>18} {:>12} {:>12} {:>7}",
            "permissions",
            "at a time",
            "bare, µs",
            "ours, µs",
            "ratio",
            "bare, instr",
            "ours, instr",
            "ratio"
        );
    }
    for permissions in PERMISSIONS {
        let mut asking = Asking::new(permissions);
        for at_a_time in AT_A_TIME {
            let lookups = if is_bench { LOOKUPS } else { at_a_time };
            let account = account();
            let mut times = [vec![], vec![]];
            for round in 0..rounds + usize::from(is_bench) * 3 {
                for ((way, _), times) in WAYS.into_iter().zip(&mut times) {
                    let before = spent(&account);
                    asking.ask(way, lookups, at_a_time);
                    // The first rounds warm up.
                    if round >= 3 {
                        times.push((spent(&account) - before) / lookups as f64);
                    }
                }
            }
            if !is_bench {
                continue;
            }
            let [bare, ours] = &times;
            let micros = |times: &[f64]| Spread::of(times.iter().map(|time| time / 1e3)).median;
            let program = std::env::current_exe().expect("this program");
            let counted =
                Counted { valgrind: &["valgrind"], program: &program, arguments: &[], times: [20, 120] };
            let [bare_count, count] = WAYS.map(|(_, way)| {
                let count = counted.instructions(&format!("{way} {permissions} {at_a_time}"));
                count.map_or(f64::NAN, |count| count / at_a_time as f64)
            });
            println!(
                "{permissions:<12} {at_a_time:>10} {:>10.1} {:>10.1} {:>18} {bare_count:>12.0} {count:>12.0} {:>7.2}",
                micros(bare),
                micros(ours),
                Spread::of_ratios(ours, bare).show(),
                count / bare_count
            );
        }
        let (arrived, made) = asking.calls();
        assert_eq!(arrived, made, "each was a call");
    }
}
