"""Tokens of given claims by two libraries, PyJWT and joserfc, each with keys that it made and wrote down by itself.

A JSON list: library, algorithm, the public key as PEM and as a key of a set (or the secret), and the token.
"""

import json
import secrets
import sys

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt
from jwt.algorithms import get_default_algorithms

claims = json.load(sys.stdin)

ALGORITHMS = ["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]


def by_pyjwt(alg, kid):
    if alg.startswith("HS"):
        secret = secrets.token_urlsafe(64)
        return {"secret": secret, "token": jwt.encode(claims, secret, alg, headers={"kid": kid})}
    if alg == "EdDSA":
        private = ed25519.Ed25519PrivateKey.generate()
    elif alg.startswith("ES"):
        private = ec.generate_private_key(ec.SECP256R1() if alg == "ES256" else ec.SECP384R1())
    else:
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key()
    jwk = get_default_algorithms()[alg].to_jwk(public)
    return {
        "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        "jwk": {**(json.loads(jwk) if isinstance(jwk, str) else jwk), "kid": kid},
        "token": jwt.encode(claims, private, alg, headers={"kid": kid}),
    }


def by_joserfc(alg, kid):
    header = {"alg": alg, "kid": kid}
    if alg.startswith("HS"):
        key = joserfc_jwk.OctKey.generate_key(512)
        return {"secret": key.as_dict(private=True)["k"], "in_base64url": True,
                "token": joserfc_jwt.encode(header, claims, key, algorithms=[alg])}
    parameters = {"kid": kid, "alg": alg, "use": "sig"}
    if alg == "EdDSA":
        key = joserfc_jwk.OKPKey.generate_key("Ed25519", parameters)
    elif alg.startswith("ES"):
        key = joserfc_jwk.ECKey.generate_key("P-256" if alg == "ES256" else "P-384", parameters)
    else:
        key = joserfc_jwk.RSAKey.generate_key(2048, parameters)
    return {
        "pem": key.as_pem(private=False).decode(),
        "jwk": key.as_dict(private=False),
        "token": joserfc_jwt.encode(header, claims, key, algorithms=[alg]),
    }


print(json.dumps([
    {"library": library, "alg": alg, **make(alg, f"{library}-{alg}")}
    for library, make in [("PyJWT", by_pyjwt), ("joserfc", by_joserfc)]
    for alg in ALGORITHMS
]))
