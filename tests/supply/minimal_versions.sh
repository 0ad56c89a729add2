# shellcheck shell=bash source=tests/supply/common.sh
. "$(dirname "$0")/common.sh"
folder="$room/minimal"
unpacked "$folder"
cd "$folder"
rm -f Cargo.lock
# The resolver's own way to the lowest versions that Cargo.toml allows, for direct dependencies, is behind a flag of nightly. It is used to
# choose versions, and not to build.
RUSTC_BOOTSTRAP=1 step cargo update -Z direct-minimal-versions ||
  fail "a lower bound in Cargo.toml is below what another dependency needs: the lines above name both"
for features in --all-features '' --no-default-features; do
  # shellcheck disable=SC2086
  step cargo check --locked --quiet $features || fail "a lower bound in Cargo.toml is too low for what the crate uses"
done
says "all features, the default ones and none build with the lowest versions of direct dependencies"
