//! The fuzz targets: `fuzz/run.sh` runs them.

mod log_in;
mod seed;
mod targets;

/// Runs the target of this name.
///
/// # Panics
/// If it finds a fault, or there is none of that name.
pub fn run(name: &str, data: &[u8]) {
    if name == "seed" {
        return seed::fuzzed::run(data);
    }
    let target = targets::TARGETS.iter().find(|target| target.name == name);
    (target.expect("a target of this name").run)(data);
}
