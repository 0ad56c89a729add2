# shellcheck shell=bash source=tests/supply/common.sh
. "$(dirname "$0")/common.sh"
# benches/peers is left out: what other crates depend on, on a developer's machine (RSA by the crate rsa, RUSTSEC-2023-0071).
step "$tools/bin/cargo-deny" fetch db || lacks "the database of RustSec could not be fetched from https://github.com/RustSec/advisory-db"
for manifest in Cargo.toml fuzz/Cargo.toml; do
  step "$tools/bin/cargo-deny" --workspace --manifest-path "$manifest" --config deny.toml check --disable-fetch --hide-inclusion-graph advisories ||
    fail "an advisory is about a dependency: SECURITY.md says what follows"
done
says "none, of the workspace and of fuzz"
