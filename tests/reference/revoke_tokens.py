"""Tokens and log-outs of a service in Python, as AutoGPT has them: PyJWT's HS256 and ES256, and keys in Redis by redis-py.

Reads what to do as JSON: issue tokens, log out with one, or ask whether one was revoked.
"""

import json
import sys
import time

import jwt
import redis
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

LIFETIME = 300

order = json.load(sys.stdin)


def claims(issuer, jti, sid):
    now = int(time.time())
    return {
        "iss": issuer, "aud": "authenticated", "sub": "alice", "role": "authenticated",
        "iat": now, "exp": now + LIFETIME, "jti": jti, "sid": sid,
    }


def issue(secret):
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    tokens = [jwt.encode(claims("supabase", f"old-{n}", "old"), secret, "HS256") for n in (1, 2)]
    tokens += [jwt.encode(claims("better-auth", f"new-{n}", "new"), private, "ES256") for n in (1, 2)]
    tokens.append(jwt.encode(claims("better-auth", 7, "another"), private, "ES256"))
    return {"pem": pem, "tokens": tokens}


def keys(token):
    payload = jwt.decode(token, options={"verify_signature": False})
    return [f"revoked:jti:{payload['jti']}", f"revoked:sid:{payload['sid']}"]


def revoke(token, how, store):
    for key in keys(token):
        if how == "setex":
            store.setex(key, LIFETIME, "1")
        else:
            store.set(key, "1", ex=LIFETIME)
    return "revoked"


if "issue" in order:
    answer = issue(order["issue"])
else:
    with redis.Redis(unix_socket_path=order["socket"]) as store:
        if "revoke" in order:
            answer = revoke(order["revoke"], order["how"], store)
        else:
            answer = any(store.mget(keys(order["ask"])))
json.dump(answer, sys.stdout)
