"""The token of a service, and that of a user, by PyJWT in the shapes of AutoGPT's, for the claims that are given; and what
PyJWT says of a token of ours, by the key set of our signer.

Signs by a new ES256 key and one of EdDSA, and by a shared secret: `[{"alg", "jwk", "service", "user"}]`.
"""

import json
import sys

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from jwt.algorithms import get_default_algorithms

given = json.load(sys.stdin)

signed = []
for alg, key in [("ES256", ec.generate_private_key(ec.SECP256R1())), ("EdDSA", ed25519.Ed25519PrivateKey.generate())]:
    jwk = get_default_algorithms()[alg].to_jwk(key.public_key())
    jwk = json.loads(jwk) if isinstance(jwk, str) else jwk
    headers = {"kid": alg}
    signed.append({
        "alg": alg,
        "jwk": {**jwk, "kid": alg, "alg": alg, "use": "sig"},
        "service": jwt.encode(given["service"], key, alg, headers=headers),
        "user": jwt.encode(given["user"], key, alg, headers=headers),
    })
shared = jwt.encode(given["service"], given["secret"], "HS256", headers={"kid": "ES256"})

keys = jwt.PyJWKSet.from_dict(given["jwks"])
read = []
for token in given["ours"]:
    kid = jwt.get_unverified_header(token)["kid"]
    key = next(key for key in keys.keys if key.key_id == kid)
    read.append(jwt.decode(token, key, algorithms=["ES256", "EdDSA"], audience=given["audience"]))

json.dump({"signed": signed, "shared": shared, "read": read}, sys.stdout)
