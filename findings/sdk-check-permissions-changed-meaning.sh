#!/usr/bin/env bash
# huace-aigc-auth-client (PyPI): from 1.1.53 to 1.1.54, a patch release, `check_permissions(token, codes)` kept its name and its
# positional arguments and got another meaning: a dict by code from `/permission/check` became one bool from `/user/info`,
# true if ANY of the codes is granted.
#
# Seen, for a user with `report:read` only, asked for report:read and report:purge:
#   1.1.53 asks /sdk/permission/check -> {'report:read': True, 'report:purge': False}
#   1.1.54 asks /sdk/user/info        -> True
#   1.1.62 asks /sdk/user/info        -> True
#
# Why it matters here: code of either time runs with the other version. `check_permissions` of this crate has the first meaning;
# docs/versions.md says what stands for the second, and `RequirePermission` leaves no doubt: AllOf or AnyOf.
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
asked = []


class Center(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        asked.append(self.path)
        data = {
            "id": 7, "username": "alice", "permissions": ["report:read"],
            "results": {"report:read": True, "report:purge": False},
        }
        body = json.dumps({"code": 0, "message": "ok", "data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Center)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = AigcAuthClient("42", "secret", base_url=f"http://127.0.0.1:{server.server_port}", auto_register_service=False)
granted = client.check_permissions("token", ["report:read", "report:purge"])
print(os.environ["VERSION"], "asks", asked, "->", granted)
if os.environ["VERSION"] == "1.1.53":
    expected = (["/sdk/permission/check"], {"report:read": True, "report:purge": False})
else:
    expected = (["/sdk/user/info"], True)
assert (asked, granted) == expected, "this has changed"
PYTHON
done
