#!/usr/bin/env bash
# standardwebhooks 1.1.0 (PyPI): `Webhook.sign(msg_id, timestamp, data)` takes the wall clock of an aware datetime for UTC. For
# 08:00+08:00, which is 00:00 UTC, it signs the number of 08:00 UTC. svix 2.9.1 (PyPI) signs by it.
#
# Seen:
#   00:00 UTC, signed as +00:00: over 1767225600; signed as +08:00: over 1767254400
#
# Why it matters here: a sender in China that passes `datetime.now(some_zone)` sends a `webhook-timestamp` of one number and a
# signature over another. The router answers "The signature does not match", and nothing points to the clock. Pass
# `datetime.now(timezone.utc)`.
# Needs python3 with venv, and PyPI.
set -euo pipefail
room="$(mktemp -d)"
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip --quiet --disable-pip-version-check install standardwebhooks==1.1.0
"$room/venv/bin/python" - <<'PYTHON'
import base64, hashlib, hmac
from datetime import datetime, timedelta, timezone

from standardwebhooks.webhooks import Webhook

key = bytes(range(32))
webhook = Webhook("whsec_" + base64.b64encode(key).decode())


def signs(moment):
    """The number, of those that a reader might expect, that the signature is over."""
    signature = webhook.sign("msg_1", moment, "{}")
    for number in (1767225600, 1767254400):
        tag = hmac.new(key, f"msg_1.{number}.{{}}".encode(), hashlib.sha256).digest()
        if signature == "v1," + base64.b64encode(tag).decode():
            return number


utc = datetime(2026, 1, 1, tzinfo=timezone.utc)
china = utc.astimezone(timezone(timedelta(hours=8)))
assert utc == china and utc.timestamp() == 1767225600
print(f"00:00 UTC, signed as +00:00: over {signs(utc)}; signed as +08:00: over {signs(china)}")
assert (signs(utc), signs(china)) == (1767225600, 1767254400), "this has changed"
PYTHON
