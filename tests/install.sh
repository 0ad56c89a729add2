# Sourced by scripts that are run by bash, in the repository's root: installs other people's software, which the tests use. With it come
# steps.sh, databases.sh and environments.sh, cargo in the search path, and
#
#   $built                         cargo's target directory, as a whole path
#   fail MESSAGE                   ends the script, `$script`
#   have PROGRAM                   whether there is one
#   install_all PROGRAM=PACKAGE…   Debian's packages of what is not there, these programs' as well; packages of PyPI; packages of
#                                  npm, where there is npm
#   install_variables              exports where the tests find them
#
# shellcheck shell=bash

# shellcheck disable=SC2154 # Of the script.
fail() { printf '%s: %s\n' "$script" "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
# shellcheck source=tests/steps.sh
. tests/steps.sh
# shellcheck source=tests/databases.sh
. tests/databases.sh
# shellcheck source=tests/environments.sh
. tests/environments.sh

# shellcheck disable=SC2031 # In a subshell, for one look.
export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH" CARGO_TERM_COLOR=never
mkdir -p "${CARGO_TARGET_DIR:-target}"
built="$(cd "${CARGO_TARGET_DIR:-target}" && pwd)"

# The tools of cargo that scripts use; the first of the environments, so that it has pip.
tools="$built/tools"

install_variables() {
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
}

install_all() {
  local version folder
  install_programs "$@"
  environment "$tools" tests/supply/requirements.txt
  environment "$built/reference" tests/reference/requirements.txt \
    'authlib, canaille, fastapi_users, flask_jwt_extended, joserfc, jwt, redis, rest_framework_simplejwt, uvicorn'
  environment "$built/applications" tests/applications/requirements.txt 'django, fastapi_users, flask_appbuilder'
  environment "$built/webhooks" tests/webhooks/requirements.txt 'standardwebhooks, svix'
  environment "$built/grpc" tests/grpc/requirements.txt 'grpc'
  environment "$built/openapi" tests/openapi/requirements.txt 'openapi_spec_validator'
  if have npm; then
    install_npm "$built/webhooks-npm" tests/webhooks
    install_npm "$built/grpc-npm" tests/grpc
    install_npm "$built/console-npm" center/tests/npm
  fi
  # The same client in other versions, beside the packages of that environment: a test names the folder by PYTHONPATH.
  while read -r version; do
    case $version in '#'* | '') continue ;; esac
    folder="$built/reference/versions/$version"
    [ -e "$folder/installed" ] && continue
    rm -rf "$folder"
    step "$tools/bin/python" -m pip --python "$built/reference/bin/python" install --quiet --disable-pip-version-check --no-compile \
      --only-binary :all: --no-deps \
      --target "$folder" "huace-aigc-auth-client==$version" ||
      fail "pip could not install the reference client $version from PyPI"
    touch "$folder/installed"
  done <tests/reference/versions.txt
}

# By the names of Debian's packages.
install_programs() {
  local pair lacking=() code=0 policy=/usr/sbin/policy-rc.d
  # In sbin, which is not in everybody's search path.
  for pair in "$@" pgbouncer=pgbouncer mariadbd=mariadb-server redis-server=redis-server chromium=chromium; do
    PATH="$PATH:/usr/sbin" have "${pair%%=*}" || lacking+=("${pair#*=}")
  done
  # Debian's python3 has no ensurepip, and so makes no virtual environments, before python3-venv is there.
  python3 -c 'import ensurepip, venv' 2>/dev/null || lacking+=(python3-venv)
  databases_postgres_program initdb >/dev/null || lacking+=(postgresql)
  [ ${#lacking[@]} -gt 0 ] || return 0
  if ! have apt-get || [ "$(id -u)" != 0 ]; then
    fail "missing: ${lacking[*]} (names of Debian's packages); install them, or run this as root where apt-get is"
  fi
  # Old lists may do; where they do not, the install fails and says so.
  step apt-get update --quiet || true
  # The tests start what they need themselves. What Debian would start is not needed, and where its port is in use, its failure would be the
  # package's.
  # It has a mark: one that a run has left which was killed is not somebody's own.
  if [ -e "$policy" ] && ! grep -q '^# tests/install.sh' "$policy"; then
    policy=
  else
    printf '#!/bin/sh\n# tests/install.sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
  fi
  (
    # Whatever comes, apt-get ends first, since it would leave half a package, and what keeps Debian from starting services is removed.
    trap '' INT HUP
    trap '[ -z "$policy" ] || rm -f "$policy"' EXIT
    trap 'exit 143' TERM
    # Another run may be at it.
    DEBIAN_FRONTEND=noninteractive step apt-get -o DPkg::Lock::Timeout=600 install --quiet --yes --no-install-recommends "${lacking[@]}"
  ) || code=$?
  [ "$code" = 0 ] || fail "apt-get could not install: ${lacking[*]}"
}

# The packages of npm that a folder's lock file names, in a folder of their own.
install_npm() {
  local home=$1 folder=$2
  mkdir -p "$home"
  cmp -s "$folder/package-lock.json" "$home/installed.json" && return
  cp "$folder/package.json" "$folder/package-lock.json" "$home"
  step npm ci --prefix "$home" --ignore-scripts --no-audit --no-fund ||
    fail "npm could not install the packages of $folder/package-lock.json"
  cp "$folder/package-lock.json" "$home/installed.json"
}
