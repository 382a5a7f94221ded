"""What a Kafka of the sandbox needs where every connection has TLS, clients say who they are, and ACLs hold."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ADMIN = "onestack-admin"
"""The user who may do everything, as in docs/how-to/secure-kafka.md."""


@dataclass(frozen=True, slots=True)
class Door:
    """How to get in: a TLS context that trusts the brokers, and a user for SASL PLAIN."""

    context: ssl.SSLContext
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Secured:
    """TLS between all, with certificates between brokers and SASL for clients; nobody may what no ACL says.

    `certificate` is a PEM file of the brokers' key (PKCS 8) and certificate, whose subject is CN=broker and which names
    127.0.0.1; `authority` the PEM file of who signed it; `users` are passwords by name, `onestack-admin` among them.
    `jwks` is a file of keys: tokens that they sign, for the audience `kafka`, are taken as well (OAUTHBEARER).
    """

    certificate: Path
    authority: Path
    users: Mapping[str, str] = field(repr=False)
    jwks: Path | None = None

    @property
    def door(self) -> Door:
        """The administrator's way in."""
        return Door(ssl.create_default_context(cafile=self.authority), ADMIN, self.users[ADMIN])

    @property
    def options(self) -> dict[str, str]:
        """The lines of server.properties."""
        plain = "org.apache.kafka.common.security.plain.PlainLoginModule required "
        plain += " ".join(f'user_{name}="{password}"' for name, password in self.users.items()) + ";"
        mechanisms = ["SCRAM-SHA-512", "PLAIN", *(["OAUTHBEARER"] if self.jwks else [])]
        return {
            "listener.security.protocol.map": "CONTROLLER:SSL,BROKERS:SSL,CLIENTS:SASL_SSL",
            "inter.broker.listener.name": "BROKERS",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.certificate),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.authority),
            "listener.name.brokers.ssl.client.auth": "required",
            "listener.name.controller.ssl.client.auth": "required",
            "sasl.enabled.mechanisms": ",".join(mechanisms),
            "listener.name.clients.plain.sasl.jaas.config": plain,
            "listener.name.clients.scram-sha-512.sasl.jaas.config": (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            ),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:broker;User:{ADMIN}",
            # A certificate's principal is its common name alone.
            "ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/,DEFAULT",
            **(self._tokens() if self.jwks else {}),
        }

    def _tokens(self) -> dict[str, str]:
        listener = "listener.name.clients.oauthbearer."
        return {
            listener + "sasl.jaas.config": (
                "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;"
            ),
            listener + "sasl.server.callback.handler.class": (
                "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler"
            ),
            listener + "sasl.oauthbearer.jwks.endpoint.url": f"file://{self.jwks}",
            listener + "sasl.oauthbearer.expected.audience": "kafka",
        }

    @property
    def flags(self) -> list[str]:
        """Flags of the JVM: Kafka reads keys only from where it is told that it may."""
        return [f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=file://{self.jwks}"] if self.jwks else []

    @property
    def users_at_format(self) -> list[str]:
        """Arguments with which a node's data folder is prepared, so that SCRAM knows the users at once."""
        found: list[str] = []
        for name, password in self.users.items():
            found += ["--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]"]
        return found
