# shellcheck shell=bash source=tests/supply/common.sh
. "$(dirname "$0")/common.sh"
folder="$room/rust_version"
unpacked "$folder"
cd "$folder"
minimum="$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)"
[ -n "$minimum" ] || fail "Cargo.toml has no rust-version"

# What each dependency says that it needs. `sqlx` brings Rust 1.94 with the three features of databases, as the README says.
everything="$(cargo metadata --format-version 1 --no-deps | python3 -c '
import json, sys
features = json.load(sys.stdin)["packages"][0]["features"]
print(",".join(sorted(set(features) - {"default", "full", "mysql", "postgres", "sqlite"})))')"
step python3 "$root/tests/supply/rust_versions.py" "$minimum" --no-default-features --features "$everything" ||
  fail "dependencies need a newer Rust than $minimum"
step python3 "$root/tests/supply/rust_versions.py" 1.94 --all-features || fail "dependencies need a newer Rust than 1.94"

# What of std the crate uses that is newer than that: clippy reads `rust-version`. Would it notice?
step cargo clippy --quiet --no-default-features --features "$everything" -- -D clippy::incompatible_msrv ||
  fail "the crate uses what is newer than Rust $minimum"
cat >>src/lib.rs <<'RUST'
/// Stable since Rust 1.91.
pub fn newer() -> std::time::Duration {
    std::time::Duration::from_mins(1)
}
RUST
if cargo clippy --quiet --no-default-features --features "$everything" -- -D clippy::incompatible_msrv 2>"$room/newer.log"; then
  fail "clippy does not notice what is newer than Rust $minimum"
fi
grep -q 'current MSRV' "$room/newer.log" || { cat "$room/newer.log" >&2; fail "clippy has failed for another reason"; }
says "dependencies and std's API keep to Rust $minimum (with databases 1.94)"

# Only the compiler itself knows its language.
rustup toolchain list 2>/dev/null | grep -qE "^${minimum}[.-]" ||
  lacks "dependencies and std's API keep to Rust $minimum (with databases 1.94); not built with it: \`rustup toolchain install $minimum\`"
cd "$root"
unpacked "$folder"
cd "$folder"
step cargo "+$minimum" check --locked --no-default-features --features "$everything" || fail "the crate does not build with Rust $minimum"
step cargo "+$minimum" check --locked --no-default-features || fail "without features, the crate does not build with Rust $minimum"
says "built with Rust $minimum; dependencies and std's API keep to it (with databases 1.94)"
