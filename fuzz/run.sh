#!/usr/bin/env bash
# Runs the fuzz targets, each for FUZZ_SECONDS (60): `fuzz/run.sh`, or `fuzz/run.sh token spool` for some of them.
#
# The stable compiler places the counters; nothing but a C++ compiler is needed, for libFuzzer. An input that fails a target
# is left under $FUZZ_TARGET_DIR/found/ (target/fuzz/found/); give it to the target's program again to repeat it.
set -euo pipefail
cd "$(dirname "$0")/.."

script=fuzz/run.sh
# shellcheck source=tests/parts.sh
. tests/parts.sh
parts_of credentials envelope exclusions key_set retry_after seed spool token users webhook -- "$@"
set -- "${parts[@]}"
# libFuzzer handles the signal itself, and the next target would follow.
trap 'exit 130' INT

# Not the directory of the suite: other flags, and everything would be built anew at each change.
target=${FUZZ_TARGET_DIR:-${CARGO_TARGET_DIR:-target}/fuzz}
mkdir -p "$target"
target=$(cd "$target" && pwd)
cd fuzz
seconds=${FUZZ_SECONDS:-60}
host=$(rustc -vV | sed -n 's/^host: //p')

# As `cargo fuzz build --sanitizer none` has them.
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
# With a target, programs that build others are built without counters.
CARGO_TARGET_DIR=$target cargo build --locked --release --target "$host" "${@/#/--bin=}"

failed=()
for name in "$@"; do
    program=$target/$host/release/$name
    mkdir -p "$target/corpus/$name" "$target/found/$name"
    echo "== $name, $seconds s"
    # Inputs that are found go to the first directory; the committed corpus is read.
    "$program" -max_total_time="$seconds" -max_len=4096 -timeout=20 -rss_limit_mb=2048 -close_fd_mask=1 \
        -print_final_stats=1 -artifact_prefix="$target/found/$name/" "$target/corpus/$name" "corpus/$name" \
        >"$target/$name.log" 2>&1 || failed+=("$name")
    grep -aE '^Done |^stat::number_of_executed|cov: ' "$target/$name.log" | tail -3 || true
done
if [ ${#failed[@]} -gt 0 ]; then
    for name in "${failed[@]}"; do
        echo "FAILED $name: see $target/$name.log" >&2
        grep -a -A4 "panicked at" "$target/$name.log" >&2 || tail -20 "$target/$name.log" >&2
    done
    exit 1
fi
echo "clean: $*"
