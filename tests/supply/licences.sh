# shellcheck shell=bash source=tests/supply/common.sh
. "$(dirname "$0")/common.sh"
step "$tools/bin/cargo-deny" --workspace check --hide-inclusion-graph licenses bans sources
# Workspaces of their own, which are not published and link what is not: where their packages come from, and that none is banned.
for workspace in fuzz benches/peers; do
  step "$tools/bin/cargo-deny" --manifest-path "$workspace/Cargo.toml" --config deny.toml --log-level error check --hide-inclusion-graph bans sources
done
says "of the workspace; sources and bans of fuzz and benches/peers as well"
