#!/usr/bin/env bash
# huace-aigc-auth-client 1.1.62 (PyPI): whether `isAdmin` is read depends on the call. `get_user_info` and `verify_access_key`
# read `isAdmin` and, without it, `is_admin`; `batch_get_users`, `batch_get_users_by_ids` and `authorize_user_by_token` read
# `is_admin` only. One and the same user object is an admin by the first and "unknown" (None) by the others.
#
# Seen, for {"id": 7, "username": "alice", "isAdmin": true} in every answer:
#   get_user_info True, verify_access_key True, batch None, batch by ids None, authorize None
# and with {"isAdmin": null, "is_admin": true}:
#   get_user_info None, verify_access_key None, batch True, batch by ids True, authorize True
#
# Why it matters here: who may be impersonated is decided by a user of `/users/batch-by-ids`. There, this crate reads both
# spellings by one rule (camelCase decides), and takes a flag that is null or absent for "may be an admin".
# Needs python3 with venv, and PyPI.
set -euo pipefail
room="$(mktemp -d)"
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip --quiet --disable-pip-version-check install \
  huace-aigc-auth-client==1.1.62 requests==2.34.2 starlette==1.10.0 fastapi==0.165.0
"$room/venv/bin/python" - <<'PYTHON'
import http.server, json, logging, threading

from huace_aigc_auth_client import AigcAuthClient

logging.disable(logging.CRITICAL)
flags = {}


class Center(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        user = {"id": 7, "username": "alice", **flags}
        if "batch" in self.path:
            data = [user]
        elif "access-key" in self.path:
            data = {"valid": True, "keyType": "user", "userId": 7, **user}
        else:
            data = user
        body = json.dumps({"code": 0, "message": "ok", "data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Center)
threading.Thread(target=server.serve_forever, daemon=True).start()
for sent, expected in (
    ({"isAdmin": True}, [True, True, None, None, None]),
    ({"isAdmin": None, "is_admin": True}, [None, None, True, True, True]),
):
    flags.clear()
    flags.update(sent)
    client = AigcAuthClient("42", "secret", base_url=f"http://127.0.0.1:{server.server_port}", auto_register_service=False)
    seen = [
        client.get_user_info("token").is_admin,
        client.verify_access_key("ak_x").is_admin,
        client.batch_get_users(["alice"])[0].is_admin,
        client.batch_get_users_by_ids([7])[0].is_admin,
        client.authorize_user_by_token(1, "theirs").is_admin,
    ]
    print(sent, "->", dict(zip(["get_user_info", "verify_access_key", "batch", "batch by ids", "authorize"], seen)))
    assert seen == expected, "this has changed"
PYTHON
