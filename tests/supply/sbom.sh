# shellcheck shell=bash source=tests/supply/common.sh
. "$(dirname "$0")/common.sh"
tool cargo-cyclonedx 0.5.9
environment "$room/cyclonedx" tests/supply/cyclonedx.txt cyclonedx
folder="$room/sbom"
unpacked "$folder"
cd "$folder"
# In the versions of Cargo.lock; a program that depends on this crate has a lock file, and so a bill, of its own.
step "$room/bin/cargo-cyclonedx" cyclonedx --format json --spec-version 1.5 --all-features --target all --override-filename aigc-auth.cdx
cargo tree --edges normal,build --all-features --target all --prefix none --no-dedupe --format '{p}' >tree.txt
step "$room/cyclonedx/bin/python" "$root/tests/supply/sbom.py" aigc-auth.cdx.json tree.txt || fail "the bill of materials is not valid, or not complete"
cp aigc-auth.cdx.json "$room/aigc-auth.cdx.json"
says "$room/aigc-auth.cdx.json: $("$room/cyclonedx/bin/python" -c 'import json, sys; print(len(json.load(open(sys.argv[1]))["components"]), "components")' aigc-auth.cdx.json)"
