#!/usr/bin/env bash
# huace-aigc-auth-client 1.1.54 and 1.1.62 (PyPI): `batch_get_users` and `batch_get_users_by_ids` return an empty list, without
# an error, for an answer of the shape that 1.1.53 documents: {"users": […], "not_found": […]}. They read a bare list or
# `items` only. With 1.1.53 the same answer comes back whole.
#
# Seen:
#   1.1.53 by name: {'users': [{'id': 7, 'username': 'alice'}], 'not_found': ['bob']}
#   1.1.54 by name: []  by id: []
#   1.1.62 by name: []  by id: []
#
# Why it matters here: a service that moves from the SDK to this crate may have taken all its users for missing, without a
# line in the log. The crate reads all three shapes, whatever the age of the auth center.
# Needs python3 with venv, and PyPI.
set -euo pipefail
room="$(mktemp -d)"
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
pip() { "$room/venv/bin/python" -m pip --quiet --disable-pip-version-check "$@"; }
pip install requests==2.34.2 starlette==1.10.0 fastapi==0.165.0
for version in 1.1.53 1.1.54 1.1.62; do
  pip install --no-deps --target "$room/$version" "huace-aigc-auth-client==$version"
  PYTHONPATH="$room/$version" VERSION="$version" "$room/venv/bin/python" - <<'PYTHON'
import http.server, json, logging, os, threading

from huace_aigc_auth_client import AigcAuthClient

logging.disable(logging.CRITICAL)
DATA = {"users": [{"id": 7, "username": "alice"}], "not_found": ["bob"]}


class Center(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"code": 0, "message": "ok", "data": DATA}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Center)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = AigcAuthClient("42", "secret", base_url=f"http://127.0.0.1:{server.server_port}", auto_register_service=False)
by_name, by_id = client.batch_get_users(["alice", "bob"]), client.batch_get_users_by_ids([7, 8])
print(os.environ["VERSION"], "by name:", by_name, " by id:", by_id)
expected = DATA if os.environ["VERSION"] == "1.1.53" else []
assert by_name == expected and by_id == expected, "this has changed"
PYTHON
done
