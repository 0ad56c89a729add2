//! The floors of the house: arrows between modules only point down.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Which other floors and rooms the rooms of a floor may know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Knows {
    /// All floors below, and the rooms of its own that stand before it.
    BelowAndBefore,
    /// All floors below, and nobody of its own.
    Below,
    /// The floors called 0 and 1, and nobody of its own.
    OnlyTheLowestTwo,
}

/// The floors from the lowest to the highest, and their rooms in order.
const FLOORS: &[(&str, Knows, &[&str])] = &[
    (
        "0 vocabulary",
        Knows::BelowAndBefore,
        &["secret", "envelope", "error", "user", "credential", "permission"],
    ),
    (
        "1 ports and plumbing",
        Knows::BelowAndBefore,
        &[
            "atomic_file",
            "clock",
            "cache",
            "throttle",
            "backoff",
            "config",
            "flights",
            "http_client",
            "forwarded",
            "identity",
            "directory",
            "verify",
            "audit",
            "act_as",
            "record",
            "invalidate",
            "respond",
            "context",
            "breaker",
            "transport",
        ],
    ),
    ("2 verifiers", Knows::Below, &["client", "jwt"]),
    ("3 services", Knows::Below, &["stats", "webhook", "sync", "registry", "outbound", "cluster"]),
    ("edges", Knows::OnlyTheLowestTwo, &["layer", "extract"]),
    ("beside them", Knows::OnlyTheLowestTwo, &["testing"]),
];

/// What plain data and rules do without.
const NOT_IN_VOCABULARY: &[&str] = &["tokio", "reqwest", "axum", "tower"];

/// The floor of a room, and its place there.
fn place(room: &str) -> Option<(usize, usize)> {
    FLOORS
        .iter()
        .enumerate()
        .find_map(|(floor, (_, _, rooms))| Some((floor, rooms.iter().position(|known| *known == room)?)))
}

/// Why `from` must not know `to`.
fn objection(from: &str, to: &str) -> Option<String> {
    let (Some(here), Some(there)) = (place(from), place(to)) else {
        return Some(format!("say on which floor `{from}` and `{to}` are"));
    };
    let (name, knows, _) = FLOORS[here.0];
    let allowed = from == to
        || match knows {
            Knows::BelowAndBefore => there < here,
            Knows::Below => there.0 < here.0,
            Knows::OnlyTheLowestTwo => there.0 < 2,
        };
    (!allowed).then(|| format!("`{from}` ({name}) must not know `{to}` ({})", FLOORS[there.0].0))
}

/// The code of a file without comments and without what is compiled for tests only.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let indent = &line[..line.len() - line.trim_start().len()];
        if ["#[cfg(test)]", "#[cfg(all(test,"].iter().any(|only| line.trim().starts_with(only)) {
            // The item ends where a line that is no deeper does, in a semicolon or a brace.
            lines.by_ref().find(|line| {
                let rest = line.strip_prefix(indent).unwrap_or(" ");
                !rest.starts_with(' ') && rest.ends_with([';', '}'])
            });
            continue;
        }
        let line = if line.trim_start().starts_with("//") { "" } else { line };
        code.push_str(line.split(" // ").next().unwrap_or_default());
        code.push('\n');
    }
    code
}

/// What follows every `prefix` that begins a path, one for each name in braces.
fn names_after<'a>(code: &'a str, prefix: &str) -> Vec<&'a str> {
    fn is_ident(c: char) -> bool {
        c.is_alphanumeric() || c == '_'
    }
    fn first(path: &str) -> &str {
        let path = path.trim_start();
        path.split(|c| !is_ident(c)).next().unwrap_or_default()
    }
    let mut names = vec![];
    for (at, _) in code.match_indices(prefix) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| is_ident(c) || c == ':') {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.push(first(rest));
            continue;
        };
        let (mut depth, mut start) = (0, 0);
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    names.push(first(&group[start..at]));
                    start = at + 1;
                    if c == '}' {
                        break;
                    }
                }
                _ => {}
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// The rooms that a file knows, by the crate's root or by climbing there. `depth` counts the modules it is in.
fn known(code: &str, depth: usize, reexports: &BTreeMap<String, String>) -> Vec<String> {
    let climb = "super::".repeat(depth);
    let names = [names_after(code, "crate::"), names_after(code, &climb)].concat();
    let room = |name: &str| reexports.get(name).map_or(name, String::as_str).to_owned();
    names.into_iter().filter(|name| *name != "super").map(room).collect()
}

/// From names at the crate's root to the rooms they come from, as `lib.rs` says.
fn reexports(lib: &str) -> BTreeMap<String, String> {
    let mut reexports = BTreeMap::new();
    for statement in lib.split(';') {
        let Some((_, path)) = statement.split_once("pub use ") else { continue };
        let Some((room, names)) = path.split_once("::") else { continue };
        for name in names.trim_matches(['{', '}']).split(',') {
            reexports.insert(name.trim().to_owned(), room.trim().to_owned());
        }
    }
    // `#[macro_export]` puts them there.
    for name in ["permissions", "roles"] {
        reexports.insert(name.to_owned(), "permission".to_owned());
    }
    reexports
}

/// All that is wrong with a file of this room.
fn objections(room: &str, depth: usize, text: &str, reexports: &BTreeMap<String, String>) -> Vec<String> {
    let code = code(text);
    let mut wrong: Vec<_> =
        known(&code, depth, reexports).iter().filter_map(|other| objection(room, other)).collect();
    if place(room).is_some_and(|(floor, _)| floor == 0) {
        let foreign = NOT_IN_VOCABULARY.iter().filter(|name| code.contains(&format!("{name}::")));
        wrong.extend(
            foreign.map(|name| format!("`{room}` is plain data and rules, and does without `{name}`")),
        );
    }
    wrong
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut all = vec![];
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
    all
}

#[test]
fn arrows_only_point_down() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let reexports = reexports(&fs::read_to_string(src.join("lib.rs")).unwrap());
    let (mut wrong, mut read) = (vec![], 0);
    for file in files(&src) {
        let path = file.strip_prefix(&src).unwrap().with_extension("");
        let modules: Vec<_> = path.iter().map(|part| part.to_str().unwrap()).collect();
        // `lib.rs` only names the rooms; `mod tests;` is compiled for tests only.
        if modules == ["lib"] || modules.contains(&"tests") {
            continue;
        }
        let depth = modules.len() - usize::from(modules.last() == Some(&"mod"));
        let text = fs::read_to_string(&file).unwrap();
        read += 1;
        for objection in objections(modules[0], depth, &text, &reexports) {
            wrong.push(format!("{}: {objection}", path.display()));
        }
    }
    assert!(read > 40, "only {read} files were read");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_test_above_would_notice() {
    let lib = "pub use client::{AuthClient, AuthClientBuilder};\n#[cfg(feature = \"x\")]\npub use secret::Secret;\n";
    let reexports = reexports(lib);
    for (room, depth, text, bad) in [
        // Down is fine, and so is one's own room.
        ("client", 1, "use crate::verify::Verify;", false),
        ("client", 2, "use super::cache::Cache;", false),
        ("client", 2, "use crate::client::cache::Cache;", false),
        ("client", 1, "use crate::{error::AuthError, verify::{Verify, Verifiers}};", false),
        ("layer", 1, "use crate::Secret;", false),
        // Up, sideways, and from the edges into the house.
        ("error", 1, "use crate::verify::Verify;", true),
        ("error", 1, "use super::verify::Verify;", true),
        ("secret", 1, "use crate::error::AuthError;", true),
        ("user", 2, "use super::super::client;", true),
        ("context", 1, "use crate::transport::Transport;", true),
        ("client", 1, "use crate::jwt::Keys;", true),
        ("stats", 1, "use crate::webhook::Event;", true),
        ("layer", 1, "use crate::client::AuthClient;", true),
        ("layer", 1, "use crate::AuthClient;", true),
        ("layer", 1, "use crate::{error::AuthError,\n    client::{self, AuthClient},\n};", true),
        ("layer", 1, "fn f() { crate::extract::x() }", true),
        ("extract", 1, "fn f() { $crate::layer::x() }", true),
        ("testing", 1, "use crate::client::AuthClient;", true),
        ("client", 1, "use crate::layer::AuthLayer;", true),
        ("layer", 1, "use crate::new_room::Thing;", true),
        ("new_room", 1, "use crate::error::AuthError;", true),
        // Vocabulary is plain.
        ("user", 1, "use tokio::sync::Mutex;", true),
        ("permission", 1, "fn f(_: axum::Router) {}", true),
        // Comments and tests may speak of everything; what follows them may not.
        ("error", 1, "/// See [`x`](crate::layer::AuthLayer).\nfn f() {}", false),
        ("error", 1, "fn f() {} // crate::layer", false),
        ("error", 1, "#[cfg(test)]\nmod tests {\n    use crate::layer::AuthLayer;\n}", false),
        ("error", 1, "#[cfg(all(test, feature = \"x\"))]\nmod tests {\n    use crate::layer::A;\n}", false),
        ("error", 1, "#[cfg(any(test, feature = \"x\"))]\nmod tests {\n    use crate::layer::A;\n}", true),
        ("error", 1, "#[cfg(test)]\nmod tests;\nuse crate::layer::AuthLayer;", true),
        ("error", 1, "#[cfg(test)]\nmod tests {\n    fn f() {}\n}\nuse crate::layer::AuthLayer;", true),
        ("error", 1, "#[cfg(test)]\nuse crate::layer::AuthLayer;\nuse crate::secret::Secret;", false),
    ] {
        let wrong = objections(room, depth, text, &reexports);
        assert_eq!(!wrong.is_empty(), bad, "{room}: {text}: {wrong:?}");
    }
}
