"""Canaille, an OpenID provider, with a client and a user, ann, of ops; `/issued` is what it gives to them.

What it issues is as its own endpoint for tokens gives it out, to a code that the pages of a log-in would leave behind.
"""

import base64
import datetime
import hashlib
import logging
import os
import secrets
import threading
import warnings
from importlib.metadata import version

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from canaille.oidc.jose import build_client_management_token
from werkzeug.serving import make_server

from serving import end_with_standard_input

# On loopback there is no TLS.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
# It warns of keys that it makes by itself.
logging.disable(logging.WARNING)
warnings.simplefilter("ignore")

REDIRECT = "https://web.example.com/callback"
SCOPE = ["openid", "profile", "email", "groups"]
SECRET = "secret of web"

# Its name has to be known before it is made.
server = make_server("127.0.0.1", 0, lambda *request: app(*request), threaded=True)
BASE = f"http://127.0.0.1:{server.port}"

app = create_app({
    "SECRET_KEY": secrets.token_urlsafe(32),
    "SERVER_NAME": f"127.0.0.1:{server.port}",
    "PREFERRED_URL_SCHEME": "http",
    "CANAILLE": {"TIMEZONE": "UTC"},
    "CANAILLE_OIDC": {"REQUIRE_NONCE": False},
})


def now():
    return datetime.datetime.now(datetime.timezone.utc)


with app.app_context():
    ann = models.User(user_name="42", display_name="ann", formatted_name="Ann A", family_name="A", emails=["ann@example.com"])
    Backend.instance.save(ann)
    ops = models.Group(display_name="ops", members=[ann])
    Backend.instance.save(ops)
    Backend.instance.reload(ann)
    web = models.Client(
        client_id="web", client_secret=SECRET, client_name="Web", client_uri="https://web.example.com", client_id_issued_at=now(),
        redirect_uris=[REDIRECT], response_types=["code"], scope=SCOPE, token_endpoint_auth_method="client_secret_basic",
        grant_types=["authorization_code", "refresh_token", "client_credentials"],
    )
    Backend.instance.save(web)
    web.audience = [web]
    Backend.instance.save(web)


def tokens(**form):
    answer = app.test_client().post("/oauth/token", data=form, auth=("web", SECRET), base_url=BASE)
    assert answer.status_code == 200, answer.text
    return answer.json


@app.get("/issued")
def issued():
    verifier, code = secrets.token_urlsafe(48), secrets.token_urlsafe(32)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    Backend.instance.save(models.AuthorizationCode(
        authorization_code_id=code, code=code, subject=Backend.instance.get(models.User, user_name="42"),
        client=Backend.instance.get(models.Client, client_id="web"), redirect_uri=REDIRECT, scope=SCOPE, issue_date=now(),
        lifetime=300, challenge=challenge, challenge_method="S256", auth_time=now(),
    ))
    of_ann = tokens(grant_type="authorization_code", code=code, redirect_uri=REDIRECT, code_verifier=verifier)
    hour = datetime.timedelta(hours=1)
    return {
        "issuer": "Canaille",
        "version": version("Canaille"),
        "base": BASE,
        "access": of_ann["access_token"],
        "refresh": of_ann["refresh_token"],
        "id": of_ann["id_token"],
        # What clients get for themselves, and what changes the client's own registration.
        "others": [
            tokens(grant_type="client_credentials", scope="profile")["access_token"],
            build_client_management_token("client:manage", hour, "web"),
        ],
    }


threading.Thread(target=end_with_standard_input, daemon=True).start()
print(f"listening on {BASE}", flush=True)
server.serve_forever()
