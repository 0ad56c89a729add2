#!/usr/bin/env bash
# The supply chain: what this crate takes from others, and what it gives to them. Prints a line for each part: what was done, what could not
# be done here, and what has failed. `tests/supply.sh package sbom` runs some of the parts, which are the files of tests/supply/:
#
#   licences           licences, banned crates and sources of all that is depended on, of fuzz/ and benches/peers/ as well
#   advisories         known vulnerabilities, unsound, unmaintained and yanked crates; needs the database of RustSec
#   rust_version       that the crate keeps to its `rust-version`, and its dependencies as well; with that compiler where rustup has it
#   features           that each feature builds alone, by the features of other crates that it asks for
#   minimal_versions   that the lower bounds in Cargo.toml are enough
#   package            what is published: its files, its size, that it builds on its own; `cargo publish --dry-run`
#   docs_rs            the documentation as docs.rs builds it
#   sbom               a bill of materials in CycloneDX, valid by its schema and complete: target/supply/aigc-auth.cdx.json
#   semver             changes of the API since the last release: tests/semver.sh
#
# Ends with 0 if all was done, with 1 if something has failed, with 2 if something could not be done. Takes some minutes, and
# builds tools of crates.io below target/supply once. What of it is cheap is part of tests/run.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

script=tests/supply.sh
# shellcheck source=tests/parts.sh
. tests/parts.sh
parts_of licences advisories rust_version features minimal_versions package docs_rs sbom semver -- "$@"

lines=()
failed=0 lacking=0
for part in "${parts[@]}"; do
  printf '\n=== %s\n' "$part"
  began=$SECONDS code=0
  reason="$(mktemp)"
  SUPPLY_REASON="$reason" bash "tests/supply/$part.sh" || code=$?
  case $code in
    0) outcome='done' ;;
    77) outcome='NOT DONE' lacking=1 ;;
    *) outcome=FAILED failed=1 ;;
  esac
  lines+=("$(printf '%-17s %-9s %4d s  %s' "$part" "$outcome" $((SECONDS - began)) "$(tail -n 1 "$reason")")")
  rm -f "$reason"
done
printf '\n'
printf '%s\n' "${lines[@]}"
[ "$failed" = 0 ] || exit 1
[ "$lacking" = 0 ] || exit 2
