#!/usr/bin/env bash
# huace-aigc-auth-client (PyPI): since 1.1.54 the FastAPI dependency of `create_fastapi_auth_dependency` accepts no request. It
# hands the text of `Authorization` to `get_user_info_from_header`, which takes a request object since then, finds no headers in
# a text, and raises AigcAuthError 401, whatever the token. 1.1.53 took the text. Nothing is asked of the auth center.
#
# Seen, for a request with `Authorization: Bearer token` and a center that knows the token:
#   1.1.53 alice, 1 call; 1.1.54 and 1.1.62 AigcAuthError 401, 0 calls
#
# Why it matters here: docs/local-center.md shows a Python service that works with each version, and so uses `AuthMiddleware`;
# services on the dependency are held to 1.1.53, and speak its dialect.
# Needs python3 with venv, and PyPI.
set -euo pipefail
room="$(mktemp -d)"
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
python="$room/venv/bin/python"
"$python" -m pip --quiet --disable-pip-version-check install requests==2.34.2 starlette==1.10.0 fastapi==0.165.0
for row in "1.1.53 alice 1" "1.1.54 401 0" "1.1.62 401 0"; do
  version="${row%% *}"
  "$python" -m pip --quiet --disable-pip-version-check install "huace-aigc-auth-client==$version"
  seen="$("$python" - <<'PYTHON'
import asyncio, logging

from huace_aigc_auth_client import AigcAuthClient, AigcAuthError, UserInfo, create_fastapi_auth_dependency

logging.disable(logging.CRITICAL)
client = AigcAuthClient("42", "secret", base_url="http://127.0.0.1:1", auto_register_service=False)
asked = []


def known(token):
    asked.append(token)
    return UserInfo(
        id=7, username="alice", nickname=None, email=None, phone=None, avatar=None, roles=[], permissions=[],
        department=None, company=None, is_admin=False, status="active",
    )


client.get_user_info = known


class Request:
    headers = {"Authorization": "Bearer token"}


try:
    outcome = asyncio.run(create_fastapi_auth_dependency(client)(Request())).username
except AigcAuthError as error:
    outcome = error.code
print(outcome, len(asked))
PYTHON
)"
  [ "$version $seen" = "$row" ] || { echo "changed: expected $row, seen $version $seen" >&2; exit 1; }
  echo "$row"
done
