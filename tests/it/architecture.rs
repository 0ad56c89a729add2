//! The structure of `src`: layers, no circles, one convention for folders.
//!
//! All of it is read from the paths and from the `use` lines; only the layers themselves are listed here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What the modules of a layer may use.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Every layer above, and one another as long as there is no circle.
    Above,
    /// Every layer above, never one another.
    AboveOnly,
    /// The layers up to `request`, never one another: any verifier and any recorder must fit.
    UpToRequest,
}

/// The folders of `src`, from the top down.
const LAYERS: [(&str, Reach); 9] = [
    ("types", Reach::Above),
    ("util", Reach::Above),
    ("ports", Reach::Above),
    ("request", Reach::Above),
    ("upstream", Reach::Above),
    ("verifiers", Reach::AboveOnly),
    ("services", Reach::AboveOnly),
    ("server", Reach::UpToRequest),
    ("testing", Reach::UpToRequest),
];

/// What plain data and rules do without.
const NOT_IN_TYPES: [&str; 4] = ["tokio", "reqwest", "axum", "tower"];

/// Longest file, in lines before its unit tests.
const LONGEST: usize = 300;

/// A module's path within the crate, such as `["types", "user", "id"]`.
type Module = Vec<String>;

/// The sources, by module. `mod.rs` is the module of its folder.
struct Sources(BTreeMap<Module, Source>);

struct Source {
    code: String,
    is_folder: bool,
}

impl Sources {
    fn read(src: &Path) -> Self {
        let mut sources = BTreeMap::new();
        for file in rust_files(src) {
            let path = file.strip_prefix(src).unwrap().with_extension("");
            let mut module: Module = path.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            // `mod tests;` is compiled for tests only.
            if module == ["lib"] || module.iter().any(|part| part == "tests") {
                continue;
            }
            let is_folder = module.last().is_some_and(|last| last == "mod");
            module.truncate(module.len() - usize::from(is_folder));
            sources.insert(module, Source { code: code(&fs::read_to_string(&file).unwrap()), is_folder });
        }
        Self(sources)
    }

    #[cfg(test)]
    fn of(files: &[(&str, &str)]) -> Self {
        let folder = |path: &str| files.iter().any(|(other, _)| other.starts_with(&format!("{path}/")));
        let source = |(path, text): &(&str, &str)| {
            let module = path.split('/').map(str::to_owned).collect();
            (module, Source { code: code(text), is_folder: folder(path) })
        };
        Self(files.iter().map(source).collect())
    }

    /// The modules that a module names, and the name itself where it is not a module but an item of one.
    fn uses(&self, module: &Module) -> BTreeSet<(Module, Option<String>)> {
        let source = &self.0[module];
        let mut uses = BTreeSet::new();
        for path in paths(&source.code) {
            // `super` counts from the module itself, whether it is a file or a folder's `mod.rs`.
            let climbs = path.iter().take_while(|part| *part == "super").count();
            let absolute: Module = match path.first().map(String::as_str) {
                Some("crate") => path[1..].to_vec(),
                _ => [&module[..module.len().saturating_sub(climbs)], &path[climbs..]].concat(),
            };
            let known = (0..=absolute.len()).rev().find(|&len| self.0.contains_key(&absolute[..len]));
            let len = known.unwrap_or(0);
            uses.insert((absolute[..len].to_vec(), absolute.get(len).cloned()));
        }
        if source.is_folder {
            let is_child = |other: &&Module| other.len() == module.len() + 1 && other.starts_with(module);
            uses.extend(self.0.keys().filter(is_child).map(|child| (child.clone(), None)));
        }
        uses
    }

    /// All that is wrong with what the modules use.
    fn objections(&self, exports: &BTreeMap<String, String>) -> Vec<String> {
        let mut wrong = vec![];
        let mut edges: BTreeMap<&Module, Vec<Module>> = BTreeMap::new();
        for module in self.0.keys() {
            let path = module.join("::");
            for (used, name) in self.uses(module) {
                if used.is_empty() {
                    // A name at the root: a re-export of lib.rs, or a macro.
                    let name = name.unwrap_or_default();
                    let layer = exports.get(&name);
                    let objection = match layer {
                        Some(layer) => layering(module, std::slice::from_ref(layer)),
                        None => Some(format!("names `crate::{name}`, which is in no layer")),
                    };
                    wrong.extend(objection.map(|objection| format!("{path}: {objection}")));
                    continue;
                }
                if let Some(objection) = layering(module, &used) {
                    wrong.push(format!("{path}: {objection}"));
                }
                if module.starts_with(&used) && *module != used {
                    let name = name.unwrap_or_default();
                    wrong.push(format!(
                        "{path}: takes `{name}` from `{}`: import it from the file that defines it",
                        used.join("::")
                    ));
                } else if *module != used {
                    edges.entry(module).or_default().push(used);
                }
            }
            if module[0] == "types" {
                let foreign =
                    NOT_IN_TYPES.iter().filter(|name| self.0[module].code.contains(&format!("{name}::")));
                wrong.extend(foreign.map(|name| format!("{path}: plain data must not use `{name}`")));
            }
        }
        wrong.extend(circle(&edges).map(|circle| format!("a circle: {circle}")));
        wrong
    }
}

/// Why a module of one layer must not use another.
fn layering(module: &[String], used: &[String]) -> Option<String> {
    let place = |module: &[String]| LAYERS.iter().position(|(layer, _)| *layer == module[0]);
    let (Some(here), Some(there)) = (place(module), place(used)) else {
        return Some(format!("`{}` or `{}` is in no layer", module.join("::"), used.join("::")));
    };
    let (layer, reach) = LAYERS[here];
    let is_same = module.get(1) == used.get(1) || layer == "testing" || module.len() == 1;
    let allowed = match reach {
        _ if here == there && is_same => true,
        Reach::Above => there <= here,
        Reach::AboveOnly => there < here,
        Reach::UpToRequest => LAYERS[..=there].iter().all(|(layer, _)| *layer != "upstream"),
    };
    (!allowed).then(|| format!("layer `{layer}` must not use `{}`", used.join("::")))
}

/// One circle of modules, if there is any.
fn circle(edges: &BTreeMap<&Module, Vec<Module>>) -> Option<String> {
    fn visit<'a>(
        module: &'a Module,
        edges: &'a BTreeMap<&Module, Vec<Module>>,
        path: &mut Vec<&'a Module>,
        done: &mut BTreeSet<&'a Module>,
    ) -> Option<String> {
        if let Some(start) = path.iter().position(|other| *other == module) {
            let names: Vec<_> = path[start..].iter().map(|module| module.join("::")).collect();
            return Some(names.join(" → "));
        }
        if !done.insert(module) {
            return None;
        }
        path.push(module);
        let found = edges.get(module).into_iter().flatten().find_map(|used| visit(used, edges, path, done));
        path.pop();
        found
    }
    let (mut path, mut done) = (vec![], BTreeSet::new());
    edges.keys().find_map(|module| visit(module, edges, &mut path, &mut done))
}

/// The code of a file without comments and without what is compiled for tests only.
pub(crate) fn code(text: &str) -> String {
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

fn is_ident(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The paths that begin with `crate` or `super`, groups in braces taken apart.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut paths = vec![];
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if !before.is_some_and(|c| is_ident(c) || c == ':') {
                expand(&code[at..], &mut vec![], &mut paths);
            }
        }
    }
    paths
}

/// Adds the paths that stand here, each behind `prefix`. Returns what follows them.
fn expand<'a>(code: &'a str, prefix: &mut Vec<String>, paths: &mut Vec<Vec<String>>) -> &'a str {
    let code = code.trim_start();
    if let Some(mut group) = code.strip_prefix('{') {
        loop {
            group = expand(group, &mut prefix.clone(), paths).trim_start();
            match group.strip_prefix(',') {
                Some(rest) if !rest.trim_start().starts_with('}') => group = rest,
                rest => return rest.unwrap_or(group).trim_start().strip_prefix('}').unwrap_or(""),
            }
        }
    }
    let len = code.find(|c| !is_ident(c)).unwrap_or(code.len());
    // `self` in a group is the group's own module.
    if len > 0 && &code[..len] != "self" {
        prefix.push(code[..len].to_owned());
    }
    match code[len..].strip_prefix("::") {
        Some(rest) if rest.starts_with(|c| is_ident(c) || c == '{') => expand(rest, prefix, paths),
        _ => {
            paths.push(prefix.clone());
            // A renamed import.
            let rest = code[len..].trim_start();
            match rest.strip_prefix("as ") {
                Some(renamed) => renamed.trim_start().trim_start_matches(is_ident),
                None => &code[len..],
            }
        }
    }
}

/// From names at the crate's root to the layers they come from, as lib.rs says; of modules there, the lowest layer.
fn exports(lib: &str) -> BTreeMap<String, String> {
    let mut exports = BTreeMap::new();
    // `#[macro_export]` puts them there.
    for name in ["permissions", "roles", "requirement_of", "__actions", "__codes", "__description", "__list"]
    {
        exports.insert(name.to_owned(), "types".to_owned());
    }
    let lib = format!("\n{}", code(lib));
    for part in lib.split("\npub mod ").skip(1) {
        let (name, body) = part.split_once([' ', ';']).unwrap();
        let body = body.split("\n}").next().unwrap();
        let layers = paths(body).into_iter().filter_map(|path| path.get(1).cloned());
        let lowest = layers.max_by_key(|layer| LAYERS.iter().position(|(name, _)| name == layer));
        exports.extend(lowest.map(|layer| (name.to_owned(), layer)));
    }
    for statement in lib.split("\npub use ").skip(1) {
        let mut found = vec![];
        expand(statement.split(';').next().unwrap(), &mut vec![], &mut found);
        exports.extend(found.into_iter().map(|path| (path.last().unwrap().clone(), path[0].clone())));
    }
    exports
}

pub(crate) fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut all = vec![];
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
    all
}

pub(crate) fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn each_layer_uses_only_those_above_it() {
    let sources = Sources::read(&src());
    let exports = exports(&fs::read_to_string(src().join("lib.rs")).unwrap());
    let wrong = sources.objections(&exports);
    assert!(sources.0.len() > 100, "only {} modules were read", sources.0.len());
    assert!(exports.contains_key("UserInfo") && exports.contains_key("error"), "{exports:?}");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The public modules: folders that lib.rs re-exports, and modules that are written out there. With what they re-export.
pub(crate) fn public_names(src: &Path) -> BTreeMap<String, Vec<String>> {
    let lib = format!("\n{}", code(&fs::read_to_string(src.join("lib.rs")).unwrap()));
    let mut modules = vec![("the root".to_owned(), lib.clone())];
    for statement in lib.split("\npub use ").skip(1) {
        let mut found = vec![];
        expand(statement.split(';').next().unwrap(), &mut vec![], &mut found);
        for path in found {
            let folder = path.iter().fold(src.to_owned(), |folder, part| folder.join(part)).join("mod.rs");
            if let Ok(text) = fs::read_to_string(folder) {
                modules.push((path.last().unwrap().clone(), format!("\n{}", code(&text))));
            }
        }
    }
    for part in lib.split("\npub mod ").skip(1) {
        if let Some((name, body)) = part.split_once(" {") {
            modules.push((name.to_owned(), body.split("\n}").next().unwrap().replace("\n    ", "\n")));
        }
    }
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (module, text) in modules {
        for statement in text.split("\npub use ").skip(1) {
            let mut found = vec![];
            expand(statement.split(';').next().unwrap(), &mut vec![], &mut found);
            for path in found {
                names.entry(path.last().unwrap().clone()).or_default().push(module.clone());
            }
        }
    }
    names
}

#[test]
fn each_type_has_one_public_path() {
    let names = public_names(&src());
    assert_eq!(names["AuthLayer"], ["the root"]);
    assert_eq!(names["ClaimsMapping"], ["claims"]);
    assert_eq!(names["JwtVerifierBuilder"], ["jwt"]);
    assert!(names.len() > 80, "only {} names were read", names.len());
    // A module and a function of one name.
    let same = [("stats", ["the root", "context"].map(str::to_owned).to_vec())];
    let is_same = |name: &str, modules: &[String]| same.iter().any(|(a, b)| *a == name && *b == modules);
    let twice: Vec<_> =
        names.iter().filter(|(name, modules)| modules.len() > 1 && !is_same(name, modules)).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn folders_have_a_mod_file_that_is_a_table_of_contents() {
    for file in rust_files(&src()) {
        let shown = file.display();
        if file.file_name().is_some_and(|name| name != "lib.rs") {
            assert!(!file.with_extension("").is_dir(), "{shown} stands beside its folder: make it mod.rs");
        }
        let text = fs::read_to_string(&file).unwrap();
        if file.ends_with("tests.rs") || file.iter().any(|part| part == "tests") {
            continue;
        }
        let is_contents = file.ends_with("mod.rs") || file.ends_with("lib.rs");
        if is_contents {
            let item = code(&text).lines().map(str::trim_start).find_map(|line| {
                let item = line.strip_prefix("pub ").unwrap_or(line).split_once(' ')?.0.to_owned();
                ["fn", "async", "struct", "enum", "trait", "type", "impl", "const", "static", "macro_rules!"]
                    .contains(&&*item)
                    .then_some(item)
            });
            // The empty type that carries the doctests of the README.
            let allowed = item.is_none() || file.ends_with("lib.rs");
            assert!(allowed, "{shown} has a `{}`: it only lists what is in the folder", item.unwrap());
        }
        let before_tests = text.split("#[cfg(test)]\nmod tests").next().unwrap().lines().count();
        assert!(
            before_tests <= LONGEST,
            "{shown} has {before_tests} lines before its tests: is it one idea?"
        );
    }
}

#[test]
fn breaches_are_noticed() {
    let exports = exports(
        "pub use types::secret::Secret;\npub use verifiers::client::AuthClient;\n\
         pub mod error {\n    pub use crate::types::error::{AuthError, ErrorKind};\n}\n",
    );
    for (module, text, bad) in [
        // Down the list is fine, and so is one's own module.
        ("verifiers/client/lookup", "use crate::ports::verify::Verify;", false),
        ("verifiers/client/lookup", "use super::core::Core;", false),
        ("verifiers/client/lookup", "use crate::verifiers::client::core::{self, Core};", false),
        (
            "verifiers/client/lookup",
            "use crate::{types::error::AuthError, ports::verify::{Verify, X}};",
            false,
        ),
        ("server/layer/service", "use crate::Secret;", false),
        ("types/permission", "fn f() { $crate::error::x() }", false),
        ("ports/verify", "use crate::ports::user_directory::Directory;", false),
        // Up, sideways, and from `server` and `testing` below `request`.
        ("types/error", "use crate::ports::verify::Verify;", true),
        ("types/error", "use super::super::ports::verify::Verify;", true),
        ("ports/verify", "use crate::upstream::api_client::ApiClient;", true),
        ("verifiers/client/lookup", "use crate::verifiers::jwt::Keys;", true),
        ("verifiers/client/lookup", "use super::super::jwt::Keys;", true),
        ("services/stats/queue", "use crate::services::webhook::Event;", true),
        ("server/layer/service", "use crate::verifiers::client::AuthClient;", true),
        ("server/layer/service", "use crate::AuthClient;", true),
        (
            "server/layer/service",
            "use crate::{types::error,\n    verifiers::client::{self, AuthClient},\n};",
            true,
        ),
        ("server/layer/service", "fn f() { crate::server::extract::x() }", true),
        ("server/extract/user", "fn f() { $crate::server::layer::x() }", true),
        ("testing/center", "use crate::verifiers::client::AuthClient;", true),
        ("verifiers/client/lookup", "use crate::server::layer::AuthLayer;", true),
        ("server/layer/service", "use crate::new_folder::Thing;", true),
        // From the table of contents of one's own folder.
        ("verifiers/client/lookup", "use super::AuthClient;", true),
        ("verifiers/client/lookup", "use crate::verifiers::client::AuthClient;", true),
        // `types` is plain.
        ("types/error", "use tokio::sync::Mutex;", true),
        ("types/permission", "fn f(_: axum::Router) {}", true),
        // Comments and tests may name everything; what follows them may not.
        ("types/error", "/// See [`x`](crate::server::layer::AuthLayer).\nfn f() {}", false),
        ("types/error", "fn f() {} // crate::server::layer", false),
        ("types/error", "#[cfg(test)]\nmod tests {\n    use crate::server::layer::A;\n}", false),
        (
            "types/error",
            "#[cfg(all(test, feature = \"x\"))]\nmod tests {\n    use crate::server::layer::A;\n}",
            false,
        ),
        (
            "types/error",
            "#[cfg(any(test, feature = \"x\"))]\nmod tests {\n    use crate::server::layer::A;\n}",
            true,
        ),
        ("types/error", "#[cfg(test)]\nmod tests;\nuse crate::server::layer::AuthLayer;", true),
        ("types/error", "#[cfg(test)]\nmod tests {\n    fn f() {}\n}\nuse crate::server::layer::A;", true),
        (
            "types/error",
            "#[cfg(test)]\nuse crate::server::layer::A;\nuse crate::types::secret::Secret;",
            false,
        ),
    ] {
        let others = [
            "types",
            "types/secret",
            "types/error",
            "ports",
            "ports/verify",
            "ports/user_directory",
            "upstream",
            "upstream/api_client",
            "verifiers",
            "verifiers/client",
            "verifiers/client/core",
            "verifiers/jwt",
            "services",
            "services/stats",
            "services/webhook",
            "server",
            "server/layer",
            "server/extract",
        ];
        let others = others.iter().filter(|other| **other != module).map(|other| (*other, ""));
        let sources = Sources::of(&others.chain([(module, text)]).collect::<Vec<_>>());
        let wrong = sources.objections(&exports);
        assert_eq!(!wrong.is_empty(), bad, "{module}: {text}: {wrong:?}");
    }
}

#[test]
fn circles_are_noticed() {
    for (files, bad) in [
        (&[("util/a", "use super::b::B;"), ("util/b", "use super::c::C;"), ("util/c", "")][..], false),
        (&[("util/a", "use super::b::B;"), ("util/b", "use super::a::A;")], true),
        (
            &[
                ("util/a", "use super::b::B;"),
                ("util/b", "use super::c::C;"),
                ("util/c", "use crate::util::a::A;"),
            ],
            true,
        ),
        // Through a table of contents.
        (
            &[("util/x", ""), ("util/x/a", "use crate::util::y::B;"), ("util/y", "use crate::util::x::A;")],
            true,
        ),
    ] {
        let wrong = Sources::of(files).objections(&BTreeMap::new());
        assert_eq!(!wrong.is_empty(), bad, "{files:?}: {wrong:?}");
    }
}
