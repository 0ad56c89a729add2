#!/usr/bin/env bash
# Says whether PyPI has versions of the reference client that the tests do not know, and what they change on the wire. For
# people, and outside CI: what it prints is what docs/versions.md and the test center may have to learn.
#
# Usage: tests/reference/newest.sh [KNOWN]   KNOWN is the version to compare with; by default the newest of versions.txt.
# Exits with 0 if there is nothing newer or nothing differs, with 1 if something differs, with 2 if it cannot tell.
set -euo pipefail
cd "$(dirname "$0")"

package=huace-aigc-auth-client
known="${1:-$(grep -v '^#' versions.txt | sort -V | tail -1)}"
room="$(mktemp -d)"
trap 'rm -rf "$room"' EXIT
cannot() { printf 'newest.sh: %s\n' "$*" >&2; exit 2; }

python3 -m venv "$room/venv" || cannot "python3 makes no virtual environment; is python3-venv installed?"
pip() { "$room/venv/bin/python" -m pip --disable-pip-version-check "$@"; }
# The packages that the client needs; its own version is put before it by PYTHONPATH.
pip install --quiet --only-binary :all: --requirement requirements.txt || cannot "pip cannot install requirements.txt"

versions="$(pip index versions "$package" 2>/dev/null | sed -n 's/^Available versions: //p' | tr -d ' ' | tr ',' '\n' | sort -V)"
[ -n "$versions" ] || cannot "PyPI lists no versions of $package"
newer="$(printf '%s\n%s\n' "$versions" "$known" | sort -V -u | sed "1,/^${known//./\\.}\$/d")"
if [ -z "$newer" ]; then
  printf 'nothing newer than %s\n' "$known"
  exit 0
fi

wire() {
  pip install --quiet --no-deps --only-binary :all: --target "$room/$1" "$package==$1" || cannot "pip cannot install $1"
  PYTHONPATH="$room/$1" "$room/venv/bin/python" -s -B wire.py >"$room/$1.txt" || cannot "wire.py fails with $1"
}

status=0
wire "$known"
for version in $newer; do
  wire "$version"
  printf '\n== %s -> %s\n' "$known" "$version"
  # Two lines of context name the call.
  if diff --unified=2 --label "$known" --label "$version" "$room/$known.txt" "$room/$version.txt"; then
    printf 'the same on the wire\n'
  else
    status=1
  fi
  known=$version
done
exit "$status"
