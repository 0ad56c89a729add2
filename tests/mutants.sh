#!/usr/bin/env bash
# Changes the code in small ways, one at a time, with cargo-mutants: a condition turned round, a match arm left out, a function that
# returns at once. Builds each change, and runs the tests of the area that it is in, first the unit tests and then `it`. What no test
# notices is printed as MISSED, and fails the script. Each change takes a minute or more, and so this is no part of the suite.
#
#   tests/mutants.sh                          # all areas, which takes a day
#   tests/mutants.sh exclusions permissions   # these
#   tests/mutants.sh --list exclusions        # only says what would be changed
#   MUTANTS_RE='in is_below$' tests/mutants.sh exclusions   # only the changes whose names match
#
# Equal changes are left out by .cargo/mutants.toml, with their reasons. The tree is changed in a copy. Builds cargo-mutants below
# target/ once; what it says of each change is in target/mutants/AREA/mutants.out.
set -euo pipefail
cd "$(dirname "$0")/.."

# Each line is an area; its files; and parts of the names of the tests that judge it, in the unit tests and in `it`.
areas='
credentials   | src/types/{credential,presented,credential_tag}.rs src/server/layer/{found_credential,missing,credential_settings,preflight,decision}.rs src/server/layer/sources/{choice,cookie,handshake,origin,origin_policy,query,removed,search,sent,source,subprotocol}.rs src/request/auth_state.rs src/request/context/{head,headers}.rs | types:: request:: layer:: fuzzed::credentials service:: forward_auth:: trace:: openapi::layers client::cache stats::records services::stats::tests::each observer::refusals
exclusions    | src/server/layer/{excluded_paths,named_route}.rs src/server/layer/forward_auth/{path,rules}.rs src/request/original_uri.rs | server:: layer::paths layer::excluded_routes forward_auth:: fuzzed::exclusions openapi::
permissions   | src/types/{permission,requirement,requires,code,combinations}.rs src/types/user/{checks,codes}.rs src/types/tenant/{action,check,tenant,membership}.rs src/server/extract/{current,optional,holds,require}*.rs src/server/layer/{guard,tenant_guard}.rs | types:: request:: server:: layer::extractors layer::services tenant:: service:: openapi:: test_kit:: personal_data
impersonation | src/request/{impersonation,acting,caller,target_header}.rs src/server/extract/act_as_user.rs | request:: impersonation:: tenant::acting tenant::audited client::dialects openapi:: test_kit::
jwt           | src/verifiers/jwt/** src/types/claims/** | verifiers::jwt types::claims services::revocation jwt:: verifiers:: revocation:: service:: observer:: fuzzed tenant::bound
signature     | src/services/webhook/{signature,signing_key,clear_throttle,delivery_id,endpoint}.rs src/services/webhook/verification/** src/services/webhook/replays/** src/types/webhook_secret.rs | services::webhook webhook:: fuzzed
breaker       | src/upstream/{circuit_breaker,slots,gate,owner}.rs src/util/{single_flight,backoff}.rs | upstream::circuit_breaker upstream::slots upstream::lookups util::single_flight util::backoff client:: observer:: verifiers::cached tenant::cached user_sync::
cache         | src/upstream/identity_cache/** src/upstream/lookups/** | upstream::identity_cache upstream::lookups upstream::shared_cache client:: invalidation:: shared_cache:: observer:: trace:: verifiers::cached tenant:: cluster:: cancellation::
'

script=tests/mutants.sh
fail() { printf '%s: %s\n' "$script" "$*" >&2; exit 1; }
# shellcheck source=tests/steps.sh
. tests/steps.sh
trap 'rm -f "$steps_rows"' EXIT
# cargo-mutants handles the signal itself, and the next area would follow.
trap 'exit 130' INT

options=()
if [ "${1:-}" = --list ]; then options+=(--list) && shift; else options+=(--iterate); fi
[ -z "${MUTANTS_RE:-}" ] || options+=(--re "$MUTANTS_RE")
mapfile -t all < <(sed -n 's/ *|.*//p' <<<"$areas")
# shellcheck source=tests/parts.sh
. tests/parts.sh
parts_of "${all[@]}" -- "$@"

export CARGO_TERM_COLOR=never
mkdir -p "${CARGO_TARGET_DIR:-target}/mutants"
room="$(cd "${CARGO_TARGET_DIR:-target}/mutants" && pwd)"
version=27.1.0
if [ "$(cat "$room/version" 2>/dev/null)" != "$version" ]; then
  CARGO_TARGET_DIR="$room/tool" step cargo install --locked --debug --quiet --root "$room" "cargo-mutants@$version" ||
    fail "cargo could not install cargo-mutants $version"
  rm -rf "$room/tool"
  printf '%s\n' "$version" >"$room/version"
fi
# Dependencies are built once, for all copies of the tree.
export CARGO_TARGET_DIR="$room/build"

# judge KIND: changes that no run before has caught, judged by the area's tests of this kind; what hangs is caught as well.
judge() {
  "$room/bin/cargo-mutants" mutants --package aigc-auth --all-features --build-timeout 1800 --timeout 600 \
    --output "$room/$area" "${chosen[@]}" ${options[@]+"${options[@]}"} -- "$@" -- "${filters[@]}"
}

code=0
for area in "${parts[@]}"; do
  IFS='|' read -r _ files tests < <(grep "^$area *|" <<<"$areas")
  chosen=()
  # Patterns from above: the braces are for the shell, the stars for cargo-mutants.
  set -f
  eval "for file in $files; do chosen+=(--file \"\$file\"); done"
  set +f
  read -ra filters <<<"$tests"
  printf '\n=== %s\n' "$area"
  case " ${options[*]-} " in
    *' --list '*) judge --lib && continue || exit ;;
  esac
  rm -rf "${room:?}/$area"
  mkdir "$room/$area"
  judged=0
  judge --lib || judged=$?
  # 2 says that some were missed; 3 that some have hung, and perhaps some were missed.
  if [ "$judged" = 2 ] || [ "$judged" = 3 ]; then
    cat "$room/$area/mutants.out/timeout.txt" >>"$room/$area/mutants.out/caught.txt"
    judged=0
    judge --test it || judged=$?
  fi
  if [ "$judged" = 3 ] && ! [ -s "$room/$area/mutants.out/missed.txt" ]; then judged=0; fi
  [ "$judged" = 0 ] || code=1
done
exit $code
