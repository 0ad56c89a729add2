use super::history::History;

#[test]
fn no_history_lets_a_revoked_token_pass_or_refuses_another() {
    let (from, histories) = match test_support::seed::given() {
        Some(seed) => (seed, 1),
        None => (fastrand::u64(..u64::MAX / 2), 10_000),
    };
    // Side by side, for there are many.
    const THREADS: u64 = 4;
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                (from..from + histories).filter(|seed| seed % THREADS == thread).for_each(check);
            });
        }
    });
}

fn check(seed: u64) {
    let mut history = History::new(seed);
    if let Err(wrong) = history.run(80) {
        panic!("SEED={seed}: {wrong}\n{}", history.log.join("\n"));
    }
}
