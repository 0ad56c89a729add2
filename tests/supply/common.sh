# Sourced by the parts of tests/supply.sh.
#
#   $root, $built, $room, $tools   the repository, target, the directory of these scripts below it, and the tools of cargo
#   fail, lacks, says       end as failed, or as not to be done here; what the line of the part says
#   tool NAME VERSION       a tool of crates.io in $room/bin, built if it is not there
#   unpacked DIRECTORY      the crate as it is published, without what its tests depend on
#
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck disable=SC2034 # For the parts.
root="$PWD"

part="$(basename "$0" .sh)"
says() { printf '%s\n' "$*" >>"${SUPPLY_REASON:-/dev/null}"; }
fail() { printf 'tests/supply/%s.sh: %s\n' "$part" "$*" >&2; says "$*"; exit 1; }
lacks() { printf 'tests/supply/%s.sh: %s\n' "$part" "$*" >&2; says "$*"; exit 77; }
# shellcheck source=tests/steps.sh
. tests/steps.sh
# shellcheck source=tests/environments.sh
. tests/environments.sh
trap 'rm -f "$steps_rows"' EXIT

export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0
mkdir -p "${CARGO_TARGET_DIR:-target}/supply"
built="$(cd "${CARGO_TARGET_DIR:-target}" && pwd)"
room="$built/supply"
tools="$built/tools"
environment "$tools" tests/supply/requirements.txt
# Not that of the suite, whose builds these would replace.
export CARGO_TARGET_DIR="$room/build"

tool() {
  local name=$1 version=$2
  [ "$(cat "$room/$name.version" 2>/dev/null)" = "$version" ] && return
  # Without optimization: it runs for seconds, and is built for minutes.
  step cargo install --locked --debug --quiet --root "$room" "$name@$version" || lacks "cargo could not install $name $version"
  printf '%s\n' "$version" >"$room/$name.version"
}

unpacked() {
  local folder=$1 packages="$room/packages.$$"
  rm -rf "$folder" "$packages"
  mkdir -p "$folder"
  step cargo package --package aigc-auth --no-verify --allow-dirty --quiet --target-dir "$packages"
  tar -xzf "$packages"/package/aigc-auth-*.crate -C "$folder" --strip-components 1
  rm -rf "$packages"
  # Left in Cargo.toml, they would count in the choice of versions. A package below a workspace would be taken for a member of it.
  (cd "$folder" && printf '\n[workspace]\n' >>Cargo.toml && "$tools/bin/cargo-hack" hack --remove-dev-deps &&
    cargo update --workspace --quiet)
}
