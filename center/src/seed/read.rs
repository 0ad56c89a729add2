use std::path::Path;

use super::located::Fault;
use super::model::Seed;
use super::{check, json, toml};

/// Reads a seed file: JSON if its name ends in `.json`, else TOML.
///
/// # Errors
/// What is wrong with the file: its name, line and column first.
pub(crate) fn read(path: &Path) -> Result<Seed, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let parsed = if is_json { json::parse(&text) } else { toml::parse(&text) };
    let checked = parsed.and_then(|seed| check::check(&seed).map(|()| seed));
    checked.map_err(|Fault { at, text }| match at {
        Some(at) => format!("{shown}, {at}: {text}"),
        None => format!("{shown}: {text}"),
    })
}
