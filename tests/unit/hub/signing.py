"""Keys of an issuer, and tokens as it signs them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

Private = RSAPrivateKey | Ed25519PrivateKey

RSA = generate_private_key(65537, 2048)
OTHER_RSA = generate_private_key(65537, 2048)
SHORT_RSA = generate_private_key(65537, 1024)
EDWARDS = Ed25519PrivateKey.generate()


def jwk(key: Private, kid: str | None, **more: Any) -> dict[str, Any]:
    """The public half as a JWKS has it."""
    if isinstance(key, RSAPrivateKey):
        found = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
    else:
        found = json.loads(OKPAlgorithm.to_jwk(key.public_key()))
    found.pop("key_ops", None)
    return {**found, **({} if kid is None else {"kid": kid}), **more}


def jwks(*keys: dict[str, Any]) -> str:
    return json.dumps({"keys": list(keys)})


def write_jwks(folder: Path) -> Path:
    """A file with an RSA key `rsa` and an Ed25519 key `edwards`."""
    file = folder / "jwks.json"
    file.write_text(jwks(jwk(RSA, "rsa"), jwk(EDWARDS, "edwards")))
    return file


def claims(**more: Any) -> dict[str, Any]:
    """What a token says; None leaves a claim out."""
    now = int(time.time())
    usual = {"org": "acme", "role": "Member", "sub": "u-17", "name": "Ada", "iat": now, "exp": now + 600}
    return {name: value for name, value in {**usual, **more}.items() if value is not None}


def token(kid: str | None = "rsa", key: Any = None, algorithm: str | None = None, **more: Any) -> str:
    """A token, signed by the key of this id unless another is given."""
    key = key if key is not None else {"rsa": RSA, "edwards": EDWARDS}[kid or "rsa"]
    algorithm = algorithm or ("RS256" if isinstance(key, RSAPrivateKey) else "EdDSA")
    return jwt.encode(claims(**more), key, algorithm, {} if kid is None else {"kid": kid})
