#!/usr/bin/env bash
# Canaille (PyPI, 0.3.6): an access token and an ID token of one log-in have the same header, issuer, audience (the client),
# subject and claims about the user; the ID token has `at_hash`, and the access token has not. Neither says what it is, and the
# access token lives ten days where the ID token lives an hour. Seen:
#
#   header of both   typ JWT, alg RS512
#   claims of both   aud auth_time email exp family_name iat iss name preferred_username sub updated_at
#   ID token alone   at_hash
#
# Why it matters here: a service must refuse ID tokens, and audience and key do not tell them; `at_hash` and `c_hash` do.
#
# Usage: findings/canaille-access-tokens-are-id-tokens.sh   Needs Python 3.10 or newer with venv, and PyPI. Fails if any of this
# changes.
set -euo pipefail
room="$(mktemp -d)"
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip --disable-pip-version-check install --quiet --only-binary :all: \
  'Canaille[oidc]==0.3.6' 'Authlib==1.9.10' 'joserfc==1.8.0' 'Flask==3.1.3'
AUTHLIB_INSECURE_TRANSPORT=1 "$room/venv/bin/python" -W ignore - <<'PYTHON'
import base64, datetime, hashlib, json, logging

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend

logging.disable(logging.WARNING)
app = create_app({"SECRET_KEY": "of this script, and of nothing else", "CANAILLE_OIDC": {"REQUIRE_NONCE": False}})
verifier, redirect = "v" * 64, "https://web.example.com/callback"
challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
now = datetime.datetime.now(datetime.timezone.utc)
with app.app_context():
    ann = models.User(user_name="ann", display_name="ann", formatted_name="Ann A", family_name="A", emails=["ann@example.com"])
    Backend.instance.save(ann)
    web = models.Client(
        client_id="web", client_secret="secret", client_name="Web", client_uri="https://web.example.com", client_id_issued_at=now,
        redirect_uris=[redirect], response_types=["code"], scope=["openid", "profile", "email"],
        token_endpoint_auth_method="client_secret_basic", grant_types=["authorization_code"],
    )
    Backend.instance.save(web)
    web.audience = [web]
    Backend.instance.save(web)
    Backend.instance.save(models.AuthorizationCode(
        authorization_code_id="1", code="code", subject=ann, client=web, redirect_uri=redirect, scope=web.scope, issue_date=now,
        lifetime=300, challenge=challenge, challenge_method="S256", auth_time=now,
    ))
answer = app.test_client().post("/oauth/token", auth=("web", "secret"), data={
    "grant_type": "authorization_code", "code": "code", "redirect_uri": redirect, "code_verifier": verifier,
}).json


def read(token):
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]]


(header, access), (id_header, of_id) = read(answer["access_token"]), read(answer["id_token"])
print("header of both  ", header["typ"], header["alg"])
print("claims of both  ", *sorted(access))
print("ID token alone  ", *sorted(of_id.keys() - access.keys()))
assert (header["typ"], header["alg"]) == (id_header["typ"], id_header["alg"])
assert of_id.keys() - access.keys() == {"at_hash"} and access.keys() <= of_id.keys()
assert all(access[name] == of_id[name] for name in ("iss", "aud", "sub", "email")) and access["aud"] == ["web"]
assert access["exp"] - access["iat"] == 864000 and of_id["exp"] - of_id["iat"] == 3600
PYTHON
