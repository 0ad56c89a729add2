# shellcheck shell=bash source=tests/supply/common.sh
. "$(dirname "$0")/common.sh"
list="$(cargo package --package aigc-auth --list --allow-dirty --quiet)"
other="$(grep -vE '^(src/.*\.rs|docs/[a-z0-9-]+\.(md|png|svg|yml|json)|(README|README\.zh-CN|CHANGELOG)\.md|LICENSE-(MIT|APACHE)|Cargo\.(toml|toml\.orig|lock)|\.cargo_vcs_info\.json)$' <<<"$list" || true)"
[ -z "$other" ] || fail "the package has files that nobody expects: $(tr '\n' ' ' <<<"$other")"
for file in LICENSE-MIT LICENSE-APACHE README.md CHANGELOG.md src/lib.rs; do
  grep -qx "$file" <<<"$list" || fail "the package lacks $file"
done

# Builds the package from its archive, as cargo does before it uploads: with the default features. The parts that build the package
# with all are minimal_versions and docs_rs.
log="$room/publish.log"
rm -rf "$CARGO_TARGET_DIR/package"
step cargo publish --dry-run --package aigc-auth --allow-dirty 2>&1 | tee "$log" | { grep -vE '^ +(Compiling|Checking|Downloaded) ' || true; } ||
  fail "cargo publish --dry-run has failed"
# The integration tests stay at home, for they need the packages of this workspace; so does `canary`, which a profile names. Profiles are
# those of the program that is built, and so nobody who depends on the crate hears of it.
unexpected="$(grep '^warning' "$log" | grep -vE 'aborting upload due to dry run|ignoring test .it.|profile package spec .canary. in profile .dev.|no documentation, homepage or repository' || true)"
[ -z "$unexpected" ] || fail "cargo publish warns: $unexpected"
size="$(find "$CARGO_TARGET_DIR/package" -name "aigc-auth-*.crate" -printf "%s\n")"
[ -n "$size" ] || fail "cargo has left no package to look at"
[ "$size" -le 2000000 ] || fail "the package has $size bytes; something has got into it"
found="$(wc -l <<<"$list") files, $((size / 1024)) KiB"
# crates.io resolves the relative links of a README by this address.
grep -q '^repository = ' Cargo.toml || lacks "$found, builds; \`repository\` is missing in Cargo.toml, without which the links of README.md lead nowhere on crates.io"
says "$found, builds"
