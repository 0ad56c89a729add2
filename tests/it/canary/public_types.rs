//! The public types, read from the sources: each shows itself with secrets around, unless it has nothing to show.

use std::collections::BTreeSet;
use std::fs;

use crate::architecture::{code, public_names, rust_files, src};

/// Types that no story shows, and why.
const EXCUSED: [(&str, &str); 15] = [
    ("Action", "declared by the program"),
    ("ActAsTenant", "ids"),
    ("ClusterBuilder", "of a bus of one's own; that of Redis is shown"),
    ("CredentialTag", "a keyed hash, which is shown on purpose"),
    ("CurrentService", "a name and scopes"),
    ("DeliveryErrorKind", "a status"),
    ("ForwardedRequest", "is given to rules alone"),
    ("PartState", "names of parts"),
    ("Problem", "a schema"),
    ("Recalled", "ids and roles"),
    ("Recorder", "shows its type alone"),
    ("Refresh", "a kind and a time"),
    ("SqlMemberships", "its builder is shown"),
    ("SyncReport", "what the auth center says of users who were pushed"),
    ("ActAs", "ids"),
];

/// The public types of which something may be seen: no enums of names alone, and no structs without a field.
fn types() -> BTreeSet<String> {
    let names = public_names(&src());
    let mut types = BTreeSet::new();
    for file in rust_files(&src()) {
        let code = code(&fs::read_to_string(file).unwrap());
        for kind in ["struct", "enum"] {
            for item in code.split(&format!("pub {kind} ")).skip(1) {
                let name: String = item.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if names.contains_key(&name) && has_values(&item[name.len()..], kind == "enum") {
                    types.insert(name);
                }
            }
        }
    }
    types
}

/// Whether a type holds anything, by what follows its name.
fn has_values(rest: &str, is_enum: bool) -> bool {
    let (head, body) = rest.split_once(['{', '(', ';']).unwrap_or((rest, ""));
    if !is_enum {
        // `struct A;`, `struct A<T>(PhantomData<T>);`, `struct A(());`
        let is_unit = rest[head.len()..].starts_with(';');
        return !is_unit && !body.starts_with("PhantomData") && !body.starts_with("())");
    }
    let lines = body.lines().map(str::trim).take_while(|line| *line != "}");
    lines.filter(|line| !line.starts_with('#')).any(|line| line.contains(['(', '{']))
}

/// The identifiers in a text behind which fields follow, as a derived `Debug` has them.
fn named(text: &str) -> BTreeSet<&str> {
    let ends = text.match_indices([' ', '(']).filter(|(at, _)| text[*at..].starts_with([' ', '(']));
    let is_end = |at: usize| text[at..].starts_with(" {") || text[at..].starts_with('(');
    ends.filter(|(at, _)| is_end(*at))
        .map(|(at, _)| {
            let before = &text[..at];
            let start = before
                .rfind(|c: char| !c.is_alphanumeric() && c != '_')
                .map_or(0, |start| start + before[start..].chars().next().map_or(1, char::len_utf8));
            &before[start..]
        })
        .collect()
}

/// The type's own name, without those that it only wraps.
fn short(name: &str) -> &str {
    let inner =
        ["core::option::Option<", "alloc::vec::Vec<"].iter().find_map(|outer| name.strip_prefix(outer));
    let name = inner.unwrap_or(name).split('<').next().unwrap_or_default();
    name.rsplit("::").next().unwrap_or_default().trim_end_matches('>')
}

/// The types that have not shown themselves, and those that are excused without need.
pub(super) fn missing(shown: &BTreeSet<String>, text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let named = named(&text);
    let shown: BTreeSet<&str> = shown.iter().map(|name| short(name)).collect();
    let types = types();
    assert!(types.len() > 100, "only {} types were read", types.len());
    let is_shown = |name: &str| shown.contains(name) || named.contains(name);
    println!(
        "{} of {} public types have shown themselves",
        types.iter().filter(|name| is_shown(name)).count(),
        types.len()
    );
    let excused = |name: &str| EXCUSED.iter().any(|(excused, _)| *excused == name);
    let missing = types.iter().filter(|name| !is_shown(name) && !excused(name)).cloned();
    let idle = EXCUSED.iter().map(|(name, _)| (*name).to_owned());
    missing.chain(idle.filter(|name| is_shown(name) || !types.contains(name))).collect()
}

#[test]
fn types_without_values_are_told_apart() {
    let types = types();
    for (name, has) in [
        ("Secret", true),
        ("Credential", true),
        ("AuthClientBuilder", true),
        ("UserInfo", true),
        ("Cached", true),
        ("Identity", false),
        ("BearerScheme", false),
        ("ErrorKind", false),
        ("AllOf", false),
        ("CaptureBodyLayer", false),
    ] {
        assert_eq!(types.contains(name), has, "{name}");
    }
}
