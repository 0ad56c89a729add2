#!/usr/bin/env bash
# The laboratory: this crate beside the software of others, as Debian, npm and PyPI have it. Installs what is not there, as root where
# apt-get is, and writes a report in Markdown, target/lab/report.md: the versions, and a line for each expectation.
#
#   tests/lab/run.sh                 # all parts
#   tests/lab/run.sh proxies sdk     # some
#
#   better_auth, directus   applications of npm, whose tables of users are taken over
#   browser                 pages in Chromium
#   databases               PostgreSQL, PgBouncer, MariaDB; applications in Python
#   grpc                    clients of gRPC
#   issuers, tokens         tokens of libraries and issuers, of PyPI and of npm
#   proxies                 nginx, Caddy, HAProxy and Apache
#   sdk                     the reference client, in its versions, and whether PyPI has a newer one
#   standard_webhooks       libraries of Standard Webhooks
#
# What the everyday suite has a test of is run from there, and what it has no room for from tests/it/lab/. Ends with 0 if all is as
# expected, with 1 if something is not, with 2 if something could not be tried. Takes Node.js 20 or newer, and 1 GB below target/.
set -euo pipefail
cd "$(dirname "$0")/../.."

script=tests/lab/run.sh
# shellcheck source=tests/parts.sh
. tests/parts.sh
parts_of better_auth directus browser databases grpc issuers tokens proxies sdk standard_webhooks -- "$@"
# shellcheck source=tests/install.sh
. tests/install.sh

export AIGC_AUTH_LAB="$built/lab"
# What the parts leave for the report.
room="$AIGC_AUTH_LAB/parts"
rm -rf "$room" "$AIGC_AUTH_LAB/report.md"
mkdir -p "$room"
export AIGC_AUTH_EXPECTATIONS="$room/expectations"

# Of all parts, or of one: `--only PART`.
report() { python3 -B tests/lab/report.py "$@" "$built" "${parts[@]}"; }
# Whatever has happened, there is a report.
end() {
  local code=$? verdict=0
  apart_end
  databases_end
  rm -f "$steps_rows"
  report || verdict=$?
  [ "$code" != 0 ] || code=$verdict
  exit "$code"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

install_all nginx=nginx caddy=caddy haproxy=haproxy apache2=apache2 node=nodejs npm=npm
install_variables
case "$(node --version)" in v?.* | v1?.*) fail "Node.js $(node --version): 20 or newer is needed" ;; esac
databases_begin "$built"
# As the everyday suite builds it, so that it is built once.
step cargo build --workspace --all-features --test it --test center --bin browser --bin full_service --bin forward_auth
databases_wait || fail "the databases do not start"

# Of one part: its tests, and what they print. One after the other where servers take ports that were free. In a shell of its own, which
# becomes `timeout`, so that `apart` finds it.
run_part() {
  local tests=(--test it) names=("lab::$1") threads=()
  case $1 in
    databases) names=(sql::) ;;
    grpc) names=(grpc::) ;;
    issuers) names=(jwt::libraries jwt::canaille jwt::reference service::python) ;;
    sdk) names=(client::reference webhook::reference outbound::reference registry::reference sdk::) tests+=(--test center) ;;
    standard_webhooks) names=(webhook::libraries) ;;
    *) threads=(--test-threads=1) ;;
  esac
  exec timeout --kill-after=10 20m cargo test --workspace --all-features "${tests[@]}" --no-fail-fast -- --show-output \
    ${threads[@]+"${threads[@]}"} "${names[@]}"
}

# As the test of a harness would say it, for the report.
newest_client() {
  local code=0 verdicts=(ok FAILED "ignored, it cannot tell")
  tests/reference/newest.sh >"$room/newest" 2>&1 || code=$?
  printf 'test sdk::newest_version_of_pypi_changes_nothing_on_the_wire ... %s\n' "${verdicts[$code]:-FAILED}"
  printf '\n---- sdk::newest_version_of_pypi_changes_nothing_on_the_wire stdout ----\n%s\n\n' "$(cat "$room/newest")"
}

for part in "${parts[@]}"; do
  began=$SECONDS code=0
  step apart run_part "$part" >"$room/$part.log" 2>&1 || code=$?
  echo "$code" >"$room/$part.code"
  if [ "$part" = sdk ]; then newest_client >>"$room/$part.log"; fi
  echo $((SECONDS - began)) >"$room/$part.seconds"
  report --only "$part"
done
