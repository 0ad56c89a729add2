//! Random numbers that can be repeated.

/// The seed that `SEED` asks for.
///
/// # Panics
/// If it is no number: a run with another seed would show nothing.
pub fn given() -> Option<u64> {
    let seed = std::env::var("SEED").ok()?;
    Some(seed.parse().unwrap_or_else(|_| panic!("SEED={seed} is no number")))
}

/// Random numbers whose seed is printed, and can be set by `SEED`.
pub fn random() -> fastrand::Rng {
    let seed = given().unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    fastrand::Rng::with_seed(seed)
}
