//! Random numbers that can be repeated.

/// Random numbers whose seed is printed, and can be set by `SEED`.
pub(crate) fn random() -> fastrand::Rng {
    let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    fastrand::Rng::with_seed(seed)
}
