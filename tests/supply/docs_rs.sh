# shellcheck shell=bash source=tests/supply/common.sh
. "$(dirname "$0")/common.sh"
folder="$room/docs_rs"
unpacked "$folder"
cd "$folder"
# As `package.metadata.docs.rs` says, which docs.rs builds by nightly: `doc_cfg` is for this crate alone.
if ! grep -q '^all-features = true' Cargo.toml || ! grep -A 4 '^rustdoc-args' Cargo.toml | grep -q docsrs; then
  fail "package.metadata.docs.rs is not what this builds"
fi
RUSTC_BOOTSTRAP=aigc_auth RUSTDOCFLAGS="--cfg docsrs -D warnings" step cargo doc --no-deps --all-features ||
  fail "docs.rs would not build it"
page="$CARGO_TARGET_DIR/doc/aigc_auth/jwt/index.html"
grep -q 'crate feature <code>jwt</code>' "$page" || fail "items do not say which feature they need: $page"
says "built as docs.rs does, with the features that items need"
