#!/usr/bin/env bash
# reqwest 0.13.5 (crates.io): features are the sum of what all crates of a program ask for. A program that takes reqwest without
# TLS (`default-features = false`), for calls inside a mesh, builds its client without TLS. As soon as any other crate of the
# program asks for `rustls-no-provider`, the same lines panic, though they call only `http://`: `Client::new()` and
# `Client::builder().build()` set TLS up at once, and no crypto provider of rustls is there to set it up with. It is a
# panic, and no error of `build()`. Either of these ends it: `rustls` among the program's own features of reqwest, or one line
# at the start of `main` that installs a provider.
#
# Seen:
#   no TLS feature: ok
#   another crate asks for rustls-no-provider: No rustls crypto provider is configured. When using the `rustls-no-provider`
#     feature you must install a crypto provider before building a Client. (both by `new()` and by `builder().build()`)
#   ... with a provider installed in main: ok
#   ... with the program's own feature rustls: ok
#
# Why it matters here: the feature `client` of this crate asks for `rustls-no-provider`, since it brings ring and hands its own
# clients the provider. docs/troubleshooting.md says what a service writes.
# Needs cargo, and a C compiler for ring and AWS-LC.
set -euo pipefail
room="$(mktemp -d)"
trap 'rm -rf "$room"' EXIT
mkdir -p "$room/other/src" "$room/src"
cat >"$room/other/Cargo.toml" <<'TOML'
[package]
name = "other"
version = "0.0.0"
edition = "2024"
[dependencies]
reqwest = { version = "=0.13.5", default-features = false, features = ["rustls-no-provider"] }
TOML
echo >"$room/other/src/lib.rs"
cat >"$room/Cargo.toml" <<'TOML'
[package]
name = "try"
version = "0.0.0"
edition = "2024"
[features]
other = ["dep:other"]
provider = ["dep:rustls"]
tls = ["reqwest/rustls"]
[dependencies]
other = { path = "other", optional = true }
reqwest = { version = "=0.13.5", default-features = false }
rustls = { version = "=0.23.46", optional = true, default-features = false, features = ["ring", "std"] }
[workspace]
TOML
cat >"$room/src/main.rs" <<'RUST'
use std::panic::catch_unwind;

fn main() {
    #[cfg(feature = "provider")]
    rustls::crypto::ring::default_provider().install_default().unwrap();
    std::panic::set_hook(Box::new(|_| {}));
    let made = [
        catch_unwind(|| drop(reqwest::Client::new())),
        catch_unwind(|| drop(reqwest::Client::builder().build())),
    ];
    for made in made {
        match made {
            Ok(()) => println!("ok"),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                println!("panic: {}", text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("?"));
            }
        }
    }
}
RUST
expect() { # what, features, expected start of both lines
  local seen
  seen="$(cargo run --quiet --manifest-path "$room/Cargo.toml" --target-dir "$room/target" --features "$2")"
  printf '%s:\n%s\n' "$1" "$seen"
  while read -r line; do
    [[ "$line" == "$3"* ]] || { echo "this has changed: expected $3"; exit 1; }
  done <<<"$seen"
}
panics="panic: No rustls crypto provider is configured"
expect "no TLS feature" "" "ok"
expect "another crate asks for rustls-no-provider" "other" "$panics"
expect "... with a provider installed in main" "other provider" "ok"
expect "... with the program's own feature rustls" "other tls" "ok"
