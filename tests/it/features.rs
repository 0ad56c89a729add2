//! What a dependent gets with a feature.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The names in the `Cargo.lock` of a crate that depends on this one with the feature. They count as cargo resolves them, and
/// not only as it builds them: the one `libsqlite3-sys` that a program may link is chosen then.
fn locked(feature: &str) -> Vec<String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dependent = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("with_{feature}"));
    fs::create_dir_all(dependent.join("src")).unwrap();
    fs::write(dependent.join("src/lib.rs"), "").unwrap();
    let manifest = format!(
        "[package]\nname = \"dependent\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         aigc-auth = {{ path = {sources:?}, default-features = false, features = [{feature:?}] }}\n"
    );
    fs::write(dependent.join("Cargo.toml"), manifest).unwrap();
    // The same versions, which are here already.
    fs::copy(sources.join("Cargo.lock"), dependent.join("Cargo.lock")).unwrap();
    let tree =
        Command::new(env!("CARGO")).args(["tree", "--offline"]).current_dir(&dependent).output().unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let lock = fs::read_to_string(dependent.join("Cargo.lock")).unwrap();
    lock.lines()
        .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn database_feature_brings_one_driver_only() {
    let drivers = ["sqlx-postgres", "sqlx-sqlite", "sqlx-mysql"];
    for (feature, brought) in [
        ("user-sync", &[][..]),
        ("argon2", &["argon2"]),
        ("postgres", &["sqlx", "sqlx-postgres", "bcrypt"]),
        ("sqlite", &["sqlx", "sqlx-sqlite", "libsqlite3-sys", "bcrypt"]),
        ("mysql", &["sqlx", "sqlx-mysql", "bcrypt"]),
    ] {
        let locked = locked(feature);
        let watched = drivers.into_iter().chain(["sqlx", "libsqlite3-sys", "bcrypt", "argon2", "rsa"]);
        for name in watched {
            let is_there = locked.iter().any(|locked| locked == name);
            assert_eq!(is_there, brought.contains(&name), "{name} with the feature {feature}");
        }
    }
}
