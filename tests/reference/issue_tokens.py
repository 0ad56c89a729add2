"""What libraries of Python give out for one user, ann: access, refresh and ID tokens, where there are such, and others.

A JSON list: the library and its version, its secret or key set, and the tokens, each made as the library's guide makes it.
The user is 42; where a library has a place for claims of the application, she is an editor who may read reports, of ops.
"""

import asyncio
import json
import secrets
import time
from importlib.metadata import version
from types import SimpleNamespace

import django
import flask
import flask_jwt_extended
import jwt as pyjwt
from authlib.common.security import generate_token
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from authlib.oidc.core.grants.util import generate_id_token
from django.conf import settings
from fastapi_users import BaseUserManager
from fastapi_users.authentication import JWTStrategy
from joserfc import jwk, jwt as joserfc_jwt

ISSUER = "https://login.example.com"
CLAIMS = {"roles": ["editor"], "permissions": ["report:read"], "groups": ["ops"]}


def registered(**more):
    now = int(time.time())
    return {"iss": ISSUER, "sub": "42", "aud": "reports", "iat": now, "exp": now + 300, **more}


def by_pyjwt():
    secret = secrets.token_urlsafe(32)
    # Its dates may be fractions of seconds, and its time zones are its own affair.
    fraction = {"exp": time.time() + 300.5, "iat": time.time()}

    def encode(**more):
        return pyjwt.encode({**registered(), **fraction, **more}, secret, "HS256")

    return {
        "secret": secret,
        "access": encode(**CLAIMS, preferred_username="ann"),
        "refresh": encode(type="refresh"),
        "id": encode(aud="web", name="Ann"),
        "others": [encode(iss="https://other.example.com")],
    }


def by_joserfc():
    # As its guide has it, a set signs by a key that it picks, and names it.
    keys = jwk.KeySet([jwk.ECKey.generate_key("P-256"), jwk.OKPKey.generate_key("Ed25519")])

    def encode(header, claims):
        return joserfc_jwt.encode({"alg": "ES256", **header}, claims, keys, algorithms=["ES256"])

    return {
        "jwks": keys.as_dict(private=False),
        "access": encode({"typ": "at+jwt"}, registered(**CLAIMS, username="ann")),
        "refresh": encode({"typ": "JWT"}, registered(token_use="refresh")),
        "id": encode({"typ": "JWT"}, registered(aud="web", name="Ann")),
        "others": [encode({"typ": "logout+jwt"}, registered(events={}))],
    }


def by_authlib():
    keys = jwk.KeySet([jwk.RSAKey.generate_key(2048, {"kid": "authlib", "use": "sig"})])
    client = SimpleNamespace(get_client_id=lambda: "web", get_allowed_scope=lambda scope: scope)
    user = SimpleNamespace(get_user_id=lambda: 42)

    class Generator(JWTBearerTokenGenerator):
        def get_jwks(self):
            return keys.as_dict(private=True)

        def get_extra_claims(self, client, grant_type, user, scope):
            return {"groups": ["ops"], "roles": ["editor"]}

    generator = Generator(ISSUER, refresh_token_generator=lambda **_: generate_token(48))
    scope = "openid report:read"
    tokens = generator.generate("authorization_code", client, user=user, scope=scope, include_refresh_token=True)
    info = {"sub": "42", "name": "Ann"}
    signer = keys.as_dict(private=True)["keys"][0]
    return {
        "jwks": keys.as_dict(private=False),
        "access": tokens["access_token"],
        "refresh": tokens["refresh_token"],
        "id": generate_id_token(tokens, info, signer, ISSUER, ["web"], kid="authlib"),
    }


def by_simplejwt():
    secret = secrets.token_urlsafe(32)
    settings.configure(SECRET_KEY=secret, INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"])
    django.setup()
    from django.contrib.auth.models import User
    from rest_framework_simplejwt.tokens import RefreshToken, SlidingToken

    refresh = RefreshToken.for_user(User(pk=42, username="ann"))
    for name, value in {**CLAIMS, "username": "ann"}.items():
        refresh[name] = value
    sliding = SlidingToken.for_user(User(pk=42))
    return {"secret": secret, "access": str(refresh.access_token), "refresh": str(refresh), "others": [str(sliding)]}


def by_flask_jwt_extended():
    secret = secrets.token_urlsafe(32)
    app = flask.Flask("app")
    app.config["JWT_SECRET_KEY"] = secret
    flask_jwt_extended.JWTManager(app)
    with app.app_context():
        claims = {**CLAIMS, "username": "ann"}
        return {
            "secret": secret,
            "access": flask_jwt_extended.create_access_token("42", additional_claims=claims),
            "refresh": flask_jwt_extended.create_refresh_token("42", additional_claims=claims),
        }


def by_fastapi_users():
    secret = secrets.token_urlsafe(32)
    sent = {}

    class Manager(BaseUserManager):
        verification_token_secret = secret

        async def on_after_request_verify(self, user, token, request=None):
            sent["token"] = token

    user = SimpleNamespace(id=42, email="ann@example.com", is_active=True, is_verified=False)

    async def issue():
        await Manager(None).request_verify(user)
        return await JWTStrategy(secret, 300).write_token(user), await JWTStrategy(secret, None).write_token(user)

    access, endless = asyncio.run(issue())
    return {"secret": secret, "access": access, "others": [sent["token"], endless]}


print(json.dumps([
    {"issuer": library, "version": version(library), **make()}
    for library, make in [
        ("PyJWT", by_pyjwt),
        ("joserfc", by_joserfc),
        ("Authlib", by_authlib),
        ("djangorestframework-simplejwt", by_simplejwt),
        ("Flask-JWT-Extended", by_flask_jwt_extended),
        ("fastapi-users", by_fastapi_users),
    ]
]))
