"""Certificates for tests of TLS, made by openssl: an authority, a server, a client, and expired ones."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KEY_PASSWORD: Final = "canary-key-password"
_ADDRESS: Final = "subjectAltName=IP:127.0.0.1"


@dataclass(frozen=True)
class Certificates:
    """PEM files in a folder; the clients' keys are encrypted with KEY_PASSWORD."""

    folder: Path

    @property
    def authority(self) -> Path:
        """Whom both sides trust."""
        return self.folder / "authority.pem"

    def certificate(self, name: str) -> Path:
        """The certificate of server, client, expired-server or expired-client."""
        return self.folder / f"{name}.pem"

    def key(self, name: str) -> Path:
        """Its private key."""
        return self.folder / f"{name}.key"

    def broker_properties(self, listener: str) -> dict[str, str]:
        """TLS on a listener that asks every client for a certificate."""
        both = self.folder / "server-both.pem"
        both.write_text(self.key("server").read_text() + self.certificate("server").read_text())
        prefix = f"listener.name.{listener}.ssl."
        return {
            f"{prefix}keystore.type": "PEM",
            f"{prefix}keystore.location": str(both),
            f"{prefix}truststore.type": "PEM",
            f"{prefix}truststore.location": str(self.authority),
            f"{prefix}client.auth": "required",
        }

    def client_settings(self, name: str = "client") -> dict[str, str]:
        """librdkafka's settings of a client with one of the certificates."""
        return {
            "ssl.ca.location": str(self.authority),
            "ssl.certificate.location": str(self.certificate(name)),
            "ssl.key.location": str(self.key(name)),
            "ssl.key.password": KEY_PASSWORD,
        }


def make_certificates(folder: Path) -> Certificates:
    """New certificates in a new folder; those named expired-… ended a day before they began."""
    folder.mkdir(parents=True)
    made = Certificates(folder)
    _openssl(
        folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "authority.key",
        "-out", "authority.pem", "-days", "2", "-subj", "/CN=authority",
    )  # fmt: skip
    (folder / "address").write_text(_ADDRESS)
    for name in ("server", "client", "expired-server", "expired-client"):
        secret = ("-passout", f"pass:{KEY_PASSWORD}") if "client" in name else ("-nodes",)
        _openssl(
            folder, "req", "-newkey", "rsa:2048", *secret, "-keyout", f"{name}.key",
            "-out", f"{name}.csr", "-subj", f"/CN={name}",
        )  # fmt: skip
        _openssl(
            folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "authority.pem",
            "-CAkey", "authority.key", "-CAcreateserial", "-extfile", "address",
            "-days", "-1" if "expired" in name else "2", "-out", f"{name}.pem",
        )  # fmt: skip
    return made


def _openssl(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        ["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
