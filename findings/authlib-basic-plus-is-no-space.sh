#!/usr/bin/env bash
# Authlib (PyPI, 1.9.10) reads a client's HTTP Basic credentials with Python's `unquote`: a space that is written as `+`, as forms
# are (RFC 6749 section 2.3.1 says that the id and the secret are forms), stays a plus sign, and the client is refused. `%20`
# is understood by servers of both kinds. Seen:
#
#   id and secret        as a form            as %20
#   web / secret of web  web / secret+of+web  web / secret of web
#
# Why it matters here: introspection sends the client's credentials, to servers that are built on Authlib, too (Canaille); it
# writes spaces as `%20`.
#
# Usage: findings/authlib-basic-plus-is-no-space.sh   Needs Python 3 with venv, and PyPI. Fails if any of this changes.
set -euo pipefail
room="$(mktemp -d)"
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip --disable-pip-version-check install --quiet --only-binary :all: 'Authlib==1.9.10'
"$room/venv/bin/python" - <<'PYTHON'
import base64

from authlib.oauth2.rfc6749.util import extract_basic_authorization


def read(credentials):
    header = "Basic " + base64.b64encode(credentials.encode()).decode()
    return extract_basic_authorization({"Authorization": header})


form, percent = read("web:secret+of+web"), read("web:secret%20of%20web")
print("as a form:", form)
print("as %20:   ", percent)
assert form == ("web", "secret+of+web"), "a plus sign is a space now"
assert percent == ("web", "secret of web")
PYTHON
