use std::path::Path;

use super::located::{Fault, Position};
use super::model::Seed;
use super::{check, json, toml};

/// Reads a seed file: JSON if its name ends in `.json`, else TOML.
///
/// # Errors
/// What is wrong with the file: its name, line and column first.
pub(crate) fn read(path: &Path) -> Result<Seed, String> {
    let shown = path.display();
    let bytes = std::fs::read(path).map_err(|error| format!("{shown}: {error}"))?;
    let text = decoded(&bytes).map_err(|at| format!("{shown}, {at}: expected UTF-8"))?;
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let parsed = if is_json { json::parse(text) } else { toml::parse(text) };
    let checked = parsed.and_then(|seed| check::check(&seed).map(|()| seed));
    checked.map_err(|Fault { at, text }| match at {
        Some(at) => format!("{shown}, {at}: {text}"),
        None => format!("{shown}: {text}"),
    })
}

/// The text without a byte order mark, or where it is none.
fn decoded(bytes: &[u8]) -> Result<&str, Position> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let valid = String::from_utf8_lossy(valid);
        Position::of(&valid, valid.len())
    })
}
