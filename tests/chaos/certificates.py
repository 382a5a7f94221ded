"""Certificates for a secured cluster, made anew for each: an authority, the brokers', and tokens' keys."""

from __future__ import annotations

import json
import time
from pathlib import Path

import jwt
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from sandbox.kafka_security import Secured


class Authority:
    """An authority of a test's own. `secured` is what a cluster needs, with these users."""

    def __init__(self, folder: Path, users: dict[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        self.file = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.file)
        self._signing = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        jwks = folder / "jwks.json"
        key = json.loads(RSAAlgorithm.to_jwk(self._signing.public_key()))
        jwks.write_text(json.dumps({"keys": [{**key, "kid": "one", "alg": "RS256", "use": "sig"}]}))
        self.users = users
        self.secured = Secured(_broker(authority, folder / "broker.pem"), self.file, users, jwks)

    def token(self, subject: str, seconds: int = 600) -> str:
        """An access token for the brokers."""
        now = int(time.time())
        claims = {"sub": subject, "aud": "kafka", "iat": now, "exp": now + seconds, "scope": "kafka"}
        return jwt.encode(claims, self._signing, algorithm="RS256", headers={"kid": "one"})

    def variables(self, user: str) -> dict[str, str]:
        """How a process says that it is this user, by SCRAM."""
        return {
            "ONESTACK_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "ONESTACK_KAFKA_CA_FILE": str(self.file),
            "ONESTACK_KAFKA_USERNAME": user,
            "ONESTACK_KAFKA_PASSWORD": self.users[user],
        }


def _broker(authority: trustme.CA, path: Path) -> Path:
    issued = authority.issue_cert("127.0.0.1", "localhost", common_name="broker")
    # Kafka reads keys as PKCS 8 alone.
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(pem + b"".join(part.bytes() for part in issued.cert_chain_pems))
    path.chmod(0o600)
    return path
