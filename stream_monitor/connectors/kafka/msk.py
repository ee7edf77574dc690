"""Tokens for Amazon MSK with IAM: `oauth.callback: stream_monitor.connectors.kafka.msk:token`.

Needs the extra `msk`. Credentials are found as AWS finds them: environment, profile, role of pod or instance.
"""

from __future__ import annotations

import importlib
import re
from typing import Any, Final

from stream_monitor.core.errors import StreamMonitorError

_REGION: Final = re.compile(r"(?:^|[\s,])region=([A-Za-z0-9-]+)(?=$|[\s,])")


def token(config: str) -> tuple[str, float]:
    """A token and its expiry in seconds since the epoch.

    `config` is `sasl.oauthbearer.config` and names the region: `region=eu-central-1`. Raises
    StreamMonitorError without a region, without AWS credentials, and without the extra.
    """
    found = _REGION.search(config)
    if found is None:
        raise StreamMonitorError(
            "sasl.oauthbearer.config must name the region of the cluster: region=eu-central-1"
        )
    provider = _provider()
    try:
        signed, expiry_ms = provider.generate_auth_token(found[1])
    except Exception as error:
        raise StreamMonitorError(
            f"Amazon's signer raised {type(error).__name__}: does AWS find credentials in the "
            "environment, a profile or a role?"
        ) from None
    return str(signed), float(expiry_ms) / 1_000


def _provider() -> Any:
    try:
        return importlib.import_module("aws_msk_iam_sasl_signer.MSKAuthTokenProvider")
    except ModuleNotFoundError:
        raise StreamMonitorError(
            "Amazon MSK's signer is not installed: pip install 'stream-monitor[msk]'"
        ) from None


_provider()  # A missing extra is found at start, not at the first token.
