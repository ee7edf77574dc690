"""A broker with TLS, client certificates, SCRAM, OAUTHBEARER and ACLs; an installation of many users."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from stream_monitor.config.loading import load_monitor
from stream_monitor.services.access import ROLES, Grant, grants
from tests.brokers.certificates import Certificates
from tests.brokers.kafka_process import KafkaProcess

COMMAND: Final = Path(sys.executable).with_name("stream-monitor")
WAIT_S: Final = 120.0
NAME: Final = "sm"
PASSWORD: Final = "canary-sasl-password"
USERS: Final = ("admin", *(f"{NAME}-{role}" for role in ROLES))
_LISTENER: Final = "listener.name.clients."
_UNSECURED: Final = (
    "org.apache.kafka.common.security.oauthbearer.internals.unsecured."
    "OAuthBearerUnsecuredValidatorCallbackHandler"
)
_OAUTH_LOGIN: Final = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
_SCRAM_LOGIN: Final = "org.apache.kafka.common.security.scram.ScramLoginModule"


def secured_broker(jars: Path, folder: Path, certificates: Certificates) -> KafkaProcess:
    """A broker that lets in USERS with PASSWORD, and OAUTHBEARER tokens that nobody signed."""
    properties = {
        "listener.security.protocol.map": (
            "CLIENTS:SASL_SSL,BROKERS:PLAINTEXT,CONTROLLER:PLAINTEXT"
        ),
        f"{_LISTENER}sasl.enabled.mechanisms": "SCRAM-SHA-256,OAUTHBEARER",
        f"{_LISTENER}scram-sha-256.sasl.jaas.config": f"{_SCRAM_LOGIN} required;",
        f"{_LISTENER}oauthbearer.sasl.jaas.config": (
            f'{_OAUTH_LOGIN} required unsecuredLoginStringClaim_sub="broker";'
        ),
        f"{_LISTENER}oauthbearer.sasl.server.callback.handler.class": _UNSECURED,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:admin;User:ANONYMOUS",
        **certificates.broker_properties("clients"),
    }
    arguments = [
        word
        for user in USERS
        for word in ("--add-scram", f"SCRAM-SHA-256=[name={user},password={PASSWORD}]")
    ]
    return KafkaProcess(
        jars, folder, properties=properties, format_arguments=arguments,
        client_properties=scram(certificates, "admin"),
    )  # fmt: skip


def scram(certificates: Certificates, user: str, password: str = PASSWORD) -> dict[str, str]:
    """librdkafka's settings of a user, without the address."""
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": user,
        "sasl.password": password,
        **certificates.client_settings(),
    }


def unsigned_token(subject: str, expiry_s: float) -> str:
    """A JSON web token that says who it is for and is signed by nobody."""
    claims = {"sub": subject, "iat": time.time() - 60, "exp": expiry_s}
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "none"}, claims)
    ]
    return ".".join([*parts, ""])


class SecuredInstallation:
    """Files in a folder; every command runs as a user. `worked` holds the services' first runs."""

    def __init__(
        self, folder: Path, broker: KafkaProcess, certificates: Certificates, model: dict[str, Any]
    ) -> None:
        self.folder = folder
        self.broker = broker
        self.certificates = certificates
        self.config = folder / "monitor.yaml"
        (folder / "models").mkdir(parents=True)
        (folder / "models" / "shop.yaml").write_text(yaml.safe_dump(model))
        settings = {
            "name": NAME,
            "kafka": {"bootstrap.servers": broker.bootstrap},
            "time": "history",
            "topics": {"partitions": 2, "replication": 1},
            "profiler": {"membership": "dynamic", "dead_letter_payload": "hash"},
            "detector": {"membership": "dynamic"},
            "metrics": {"host": "127.0.0.1", "port": 0},
            "log": {"format": "json", "level": "debug"},
        }
        self.config.write_text(yaml.safe_dump(settings))
        self.worked: dict[str, subprocess.CompletedProcess[str]] = {}
        self.topics = load_monitor(self.config, {}).topics
        self.admin = AdminClient(self.client("admin"))

    def client(self, user: str) -> dict[str, Any]:
        """A plain client's settings."""
        return {
            "bootstrap.servers": self.broker.bootstrap, "log_level": 0,
            **scram(self.certificates, user),
        }  # fmt: skip

    def run(
        self,
        user: str,
        *words: str,
        kafka: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end as a user; `kafka` replaces settings of the section."""
        return subprocess.run(
            [COMMAND, *words, "--config", self.config], cwd=self.folder,
            env=self._environment(user, kafka or {}) | dict(environ or {}), capture_output=True,
            text=True, timeout=WAIT_S, check=False,
        )  # fmt: skip

    def start(self, user: str, *words: str) -> subprocess.Popen[str]:
        """Starts a service as a user; its log is a pipe."""
        return subprocess.Popen(
            [COMMAND, *words, "--config", self.config], cwd=self.folder,
            env=self._environment(user, {}), stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def page(self, process: subprocess.Popen[str], name: str) -> str:
        """A page of a started service's HTTP server, whose port it logs."""
        assert process.stderr is not None
        for line in process.stderr:
            found = re.search(r'"port": ?(\d+)', line)
            if found:
                with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}/{name}") as answer:
                    return str(answer.read().decode())
        raise AssertionError("the service ended before it served pages")

    def _environment(self, user: str, kafka: Mapping[str, str]) -> dict[str, str]:
        settings = scram(self.certificates, user) | dict(kafka)
        return dict(os.environ) | {
            "STREAM_MONITOR__KAFKA__" + key.upper().replace(".", "_"): value
            for key, value in settings.items()
        }

    def grants(self) -> list[Grant]:
        """The rights that the configuration asks for."""
        return grants(load_monitor(self.config, {}))

    def allow(self, wanted: list[Grant]) -> None:
        """Gives rights, and returns when they can be seen."""
        wanted_bindings = list(bindings(wanted))
        for future in self.admin.create_acls(wanted_bindings).values():
            future.result(WAIT_S)

    def forbid(self, unwanted: list[Grant]) -> None:
        """Takes rights away."""
        filters = [
            AclBindingFilter(
                b.restype, b.name, b.resource_pattern_type, b.principal, b.host, b.operation,
                b.permission_type,
            )
            for b in bindings(unwanted)
        ]  # fmt: skip
        for future in self.admin.delete_acls(filters).values():
            future.result(WAIT_S)


def bindings(wanted: list[Grant]) -> Iterator[AclBinding]:
    """Rights as Kafka's ACLs, for the users named after the roles."""
    for grant in wanted:
        for operation in grant.operations:
            yield AclBinding(
                ResourceType[grant.resource.upper()], grant.name,
                ResourcePatternType[grant.pattern.upper()], f"User:{NAME}-{grant.role}", "*",
                AclOperation[_spelt(operation)], AclPermissionType.ALLOW,
            )  # fmt: skip


def _spelt(operation: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).upper()
