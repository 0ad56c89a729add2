#!/usr/bin/env bash
# The whole suite: formatting, lints over the features, docs, licences, tests, doctests. Installs what it needs, and says in the end
# how long each step took.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { printf 'tests/run.sh: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
# shellcheck source=tests/steps.sh
. tests/steps.sh
# shellcheck source=tests/databases.sh
. tests/databases.sh
# shellcheck source=tests/environments.sh
. tests/environments.sh
# shellcheck disable=SC2031 # In a subshell, for one look.
export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
mkdir -p "${CARGO_TARGET_DIR:-target}"
built="$(cd "${CARGO_TARGET_DIR:-target}" && pwd)"

# What the tests of the examples, of the reference client and of tables use, by the names of Debian's packages.
install_packages() {
  local lacking=()
  have curl || lacking+=(curl)
  have openssl || lacking+=(openssl)
  have valgrind || lacking+=(valgrind)
  # Debian's python3 has no ensurepip, and so makes no virtual environments, before python3-venv is there.
  python3 -c 'import ensurepip, venv' 2>/dev/null || lacking+=(python3-venv)
  databases_postgres_program initdb >/dev/null || lacking+=(postgresql)
  PATH="$PATH:/usr/sbin" have pgbouncer || lacking+=(pgbouncer)
  PATH="$PATH:/usr/sbin" have mariadbd || lacking+=(mariadb-server)
  PATH="$PATH:/usr/sbin" have redis-server || lacking+=(redis-server)
  have chromium || lacking+=(chromium)
  # Its `promtool` checks the rules of docs/alerts.yml.
  have promtool || lacking+=(prometheus)
  [ ${#lacking[@]} -gt 0 ] || return 0
  if have apt-get && [ "$(id -u)" = 0 ]; then
    # Old lists may do; where they do not, the install fails and says so.
    step apt-get update --quiet || true
    DEBIAN_FRONTEND=noninteractive step apt-get install --quiet --yes --no-install-recommends "${lacking[@]}" ||
      fail "apt-get could not install: ${lacking[*]}"
  else
    fail "missing: ${lacking[*]} (names of Debian's packages); install them, or run this as root where apt-get is"
  fi
}

# The packages of npm that a folder's lock file names, in a folder of their own.
packages() {
  local home=$1 folder=$2
  mkdir -p "$home"
  cmp -s "$folder/package-lock.json" "$home/installed.json" && return
  cp "$folder/package.json" "$folder/package-lock.json" "$home"
  step npm ci --prefix "$home" --ignore-scripts --no-audit --no-fund ||
    fail "npm could not install the packages of $folder/package-lock.json"
  cp "$folder/package-lock.json" "$home/installed.json"
}

# The tools of cargo that are used below.
tools="$built/tools"
# The reference client and libraries that sign tokens, for what runs tests/reference/.
export AIGC_AUTH_REFERENCE_PYTHON="$built/reference/bin/python"
# Applications with users of their own, for what runs tests/applications/.
export AIGC_AUTH_APPLICATIONS_PYTHON="$built/applications/bin/python"
# Libraries of Standard Webhooks, for what runs tests/webhooks/; those of npm where it is installed.
export AIGC_AUTH_WEBHOOKS_PYTHON="$built/webhooks/bin/python"
# A client of gRPC, for what runs tests/grpc/.
export AIGC_AUTH_GRPC_PYTHON="$built/grpc/bin/python"
# A validator of OpenAPI documents, for what runs tests/openapi/.
export AIGC_AUTH_OPENAPI_PYTHON="$built/openapi/bin/python"
if have npm; then
  export AIGC_AUTH_WEBHOOKS_NPM="$built/webhooks-npm" AIGC_AUTH_GRPC_NPM="$built/grpc-npm" AIGC_AUTH_CONSOLE_NPM="$built/console-npm"
fi

install() {
  local version folder
  install_packages
  # The first, so that it has pip.
  environment "$tools" tests/supply/requirements.txt
  environment "$built/reference" tests/reference/requirements.txt \
    'authlib, canaille, fastapi_users, flask_jwt_extended, joserfc, jwt, redis, rest_framework_simplejwt, uvicorn'
  environment "$built/applications" tests/applications/requirements.txt 'django, fastapi_users, flask_appbuilder'
  environment "$built/webhooks" tests/webhooks/requirements.txt 'standardwebhooks, svix'
  environment "$built/grpc" tests/grpc/requirements.txt 'grpc'
  environment "$built/openapi" tests/openapi/requirements.txt 'openapi_spec_validator'
  if have npm; then
    packages "$AIGC_AUTH_WEBHOOKS_NPM" tests/webhooks
    packages "$AIGC_AUTH_GRPC_NPM" tests/grpc
    packages "$AIGC_AUTH_CONSOLE_NPM" center/tests/npm
  fi
  # The same client in other versions, beside the packages of that environment: a test names the folder by PYTHONPATH.
  while read -r version; do
    case $version in '#'* | '') continue ;; esac
    folder="$built/reference/versions/$version"
    [ -e "$folder/installed" ] && continue
    rm -rf "$folder"
    step "$tools/bin/python" -m pip --python "$AIGC_AUTH_REFERENCE_PYTHON" install --quiet --disable-pip-version-check --no-compile \
      --only-binary :all: --no-deps \
      --target "$folder" "huace-aigc-auth-client==$version" ||
      fail "pip could not install the reference client $version from PyPI"
    touch "$folder/installed"
  done <tests/reference/versions.txt
}

installing= soak=
end() {
  # Never in the middle: apt-get would leave half a package.
  [ -z "$installing" ] || wait "$installing" || true
  if [ -n "$soak" ]; then kill "$soak" 2>/dev/null || true; fi
  databases_end
  steps_table
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# It waits for other hosts for the most part, while cargo is at work; what it says comes below.
(beside='beside: ' && install) >"$built/install.log" 2>&1 </dev/null &
installing=$!

export CARGO_TERM_COLOR=never
# Each crate is built once in a run of CI: what would be kept for the next time costs more than it gives.
[ -z "${CI:-}" ] || export CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-0}"
step cargo fmt --check
# Workspaces with lock files of their own, which a new dependency of the crate leaves behind.
for folder in benches/peers fuzz; do step cargo update --workspace --locked --quiet --manifest-path "$folder/Cargo.toml"; done
step cargo clippy --workspace --all-features --all-targets -- -D warnings
RUSTDOCFLAGS="-D warnings" step cargo doc --package aigc-auth --no-deps --all-features

code=0
wait "$installing" || code=$?
installing=
cat "$built/install.log"
[ "$code" = 0 ] || fail "what the suite needs is not installed; the end of $built/install.log says why"
# They start while cargo is at work.
databases_begin "$built"
step promtool check rules docs/alerts.yml
step promtool test rules tests/metrics/alerts.test.yml
# Every feature alone, none, and all, without what the tests depend on. `default` is `client`; `full` is all of them.
step "$tools/bin/cargo-hack" hack clippy --package aigc-auth --each-feature --exclude-features default --exclude-all-features --lib -- -D warnings
# Advisories are of the day, and not of the commit: `tests/supply.sh` asks for them.
step "$tools/bin/cargo-deny" --workspace --log-level error check --hide-inclusion-graph licenses bans sources
databases_wait || fail "the databases of the suite do not start"
# Unit tests, integration tests, the examples with theirs, doctests; then each bench once, to see that it works. All with
# one set of features, so that dependencies are built once. A test that hangs has been named by then.
in_time() { step timeout --kill-after=10 30m "$@" || fail "not done, or not well, after at most 30 minutes: $*"; }
# The soak waits most of its time, and so runs beside the others; what they have in common is built before.
in_time cargo test --workspace --all-features --no-run
SOAK_SECONDS=90 tests/soak.sh >"$built/soak.log" 2>&1 &
soak=$!
in_time cargo test --workspace --all-features
wait "$soak" && soak= || { cat "$built/soak.log" >&2; fail "the soak found something; with its SEED, tests/soak.sh repeats it"; }
in_time cargo test --workspace --all-features --bench '*'
# What the layer adds to a request, in instructions and allocations: fails at 3 % more.
in_time cargo build --profile budget -p aigc-auth-budget
in_time "$built/budget/budget" --budget
