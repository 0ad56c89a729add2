//! What leaves this repository: names that every system can check out, and links that readers of the package can follow.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// What is wrong with a file's name on Windows, where a device's name stays one whatever follows its first dot, and names that differ in
/// case are one.
fn objection(name: &str) -> Option<&'static str> {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_lowercase();
    let numbered = |device: &str| {
        stem.strip_prefix(device).is_some_and(|rest| rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit())
    };
    if ["con", "prn", "aux", "nul"].contains(&stem.as_str()) || numbered("com") || numbered("lpt") {
        return Some("the name of a device");
    }
    if name.contains(['<', '>', ':', '"', '|', '?', '*', '\\']) || name.chars().any(|c| c.is_ascii_control())
    {
        return Some("a character that is not allowed");
    }
    name.ends_with(['.', ' ']).then_some("a dot or a space at its end")
}

#[test]
fn every_file_can_be_checked_out_on_windows() {
    for (name, allowed) in [
        ("nul.rs", false),
        ("NUL", false),
        ("aux.tar.gz", false),
        ("com1.md", false),
        ("lpt9", false),
        ("a:b", false),
        ("end.", false),
        ("null.rs", true),
        ("com.md", true),
        ("com10.md", true),
        ("console.png", true),
        (".gitignore", true),
    ] {
        assert_eq!(objection(name).is_none(), allowed, "{name}");
    }

    let (mut wrong, mut seen, mut files) = (vec![], BTreeSet::new(), 0);
    for path in files_of_the_repository() {
        files += 1;
        for part in path.iter() {
            let part = part.to_str().expect("names are UTF-8");
            wrong.extend(objection(part).map(|objection| format!("{}: {objection}", path.display())));
        }
        if !seen.insert(path.to_string_lossy().to_lowercase()) {
            wrong.push(format!("{}: another file's name but for case", path.display()));
        }
    }
    assert!(files > 500, "only {files} files were found");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Those that git tracks, or where there is no git, as in an archive, all below the folders of sources.
fn files_of_the_repository() -> Vec<PathBuf> {
    let tracked = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    if let Ok(tracked) = tracked
        && tracked.status.success()
    {
        let names = String::from_utf8(tracked.stdout).expect("names are UTF-8");
        return names.split_terminator('\0').map(PathBuf::from).collect();
    }
    fn visit(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { visit(&path, files) } else { files.push(path) }
        }
    }
    let mut files = vec![];
    for folder in ["benches", "center", "docs", "examples", "fuzz", "src", "tests"] {
        visit(&root().join(folder), &mut files);
    }
    files.into_iter().map(|path| path.strip_prefix(root()).unwrap().to_owned()).collect()
}

/// The targets of a page's links that are files: `](file)`, `[name]: file`, `src="file"`.
fn files_linked_from(page: &str) -> BTreeSet<String> {
    let inline = page.match_indices("](").map(|(at, open)| {
        let target = &page[at + open.len()..];
        &target[..target.find(')').unwrap_or(0)]
    });
    let images = page.match_indices("src=\"").map(|(at, open)| {
        let target = &page[at + open.len()..];
        &target[..target.find('"').unwrap_or(0)]
    });
    let defined =
        page.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: ").map(|(_, it)| it.trim()));
    let targets = inline.chain(images).chain(defined);
    targets
        .map(|target| target.split('#').next().unwrap_or_default())
        .filter(|file| !file.is_empty() && !file.contains("://") && Path::new(file).extension().is_some())
        .map(str::to_owned)
        .collect()
}

#[test]
fn links_of_readmes_and_guides_lead_to_files() {
    assert_eq!(
        files_linked_from("[a](b.md#c) [d](https://e.f) [g](#h) <img src=\"i.png\">\n[j.md]: k.md\n"),
        ["b.md", "i.png", "k.md"].map(str::to_owned).into()
    );

    let mut pages: Vec<_> =
        ["README.md", "README.zh-CN.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
            .map(|it| root().join(it))
            .into();
    let guides = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    pages.extend(guides.filter(|path| path.extension().is_some_and(|it| it == "md")));
    let (mut wrong, mut links) = (vec![], 0);
    for page in &pages {
        let folder = page.parent().unwrap();
        for file in files_linked_from(&fs::read_to_string(page).unwrap()) {
            links += 1;
            if !folder.join(&file).is_file() {
                wrong.push(format!("{}: no file {file}", page.display()));
            }
        }
    }
    assert!(links > 100, "only {links} links were found");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
