# Environments of Python's, for scripts that are run by bash; sourced.
#
# shellcheck shell=bash

# environment HOME REQUIREMENTS [MODULES]: one in HOME with the packages of a file, which has these modules then. The first that a script
# makes has pip, and pip of that one installs the others' packages.
environments_pip=
environment() {
  local home=$1 wanted=$2 modules=${3:-}
  mkdir -p "$home"
  # `installed.txt` is written last: an install that broke off is made again, as is one whose Python is gone.
  cmp -s "$wanted" "$home/installed.txt" && "$home/bin/python" -c "${modules:+import $modules}" && return
  local without=()
  [ -z "$environments_pip" ] || without=(--without-pip)
  step python3 -m venv --clear ${without[@]+"${without[@]}"} "$home" ||
    fail "python3 could not make a virtual environment in $home"
  environments_pip="${environments_pip:-$home/bin/python}"
  # Python compiles what is imported, which is a small part.
  step "$environments_pip" -m pip --python "$home/bin/python" install --quiet --disable-pip-version-check --no-compile \
    --only-binary :all: --requirement "$wanted" || fail "pip could not install the packages of $wanted from PyPI"
  cp "$wanted" "$home/installed.txt"
}
