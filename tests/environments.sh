# Environments of Python's, for scripts that are run by bash; sourced.
#
# shellcheck shell=bash

# environment HOME REQUIREMENTS [MODULES]: one in HOME with the packages of a file, which has these modules then.
environment() {
  local home=$1 wanted=$2 modules=${3:-}
  mkdir -p "$home"
  # `installed.txt` is written last: an install that broke off is made again, as is one whose Python is gone.
  cmp -s "$wanted" "$home/installed.txt" && "$home/bin/python" -c "${modules:+import $modules}" && return
  step python3 -m venv --clear "$home" || fail "python3 could not make a virtual environment in $home"
  step "$home/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
    --requirement "$wanted" || fail "pip could not install the packages of $wanted from PyPI"
  cp "$wanted" "$home/installed.txt"
}
