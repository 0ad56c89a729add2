# shellcheck shell=bash source=tests/supply/common.sh
. "$(dirname "$0")/common.sh"
# Without what the tests depend on, and each with the features of other crates that it asks for. `default` is `client`; `full` is all of them.
step "$tools/bin/cargo-hack" hack clippy --package aigc-auth --each-feature --exclude-features default --exclude-all-features --lib -- -D warnings ||
  fail "a feature does not build, or not without warnings, by what it asks for itself"
says "each feature, none and all, each with its own features of dependencies"
