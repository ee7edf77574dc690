"""Pytest fixture of the deployment tools. Without them the tests are skipped; in CI they fail."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

from tests.tools.provision import Tools, ToolsUnavailable, provide


@pytest.fixture(scope="session")
def tools() -> Tools:
    """Helm, Node.js and the checkers."""
    try:
        return provide()
    except ToolsUnavailable as reason:
        without_tools(str(reason))


def without_tools(reason: str) -> NoReturn:
    """Skip with the reason, or fail where CI is true: a quietly skipped test proves nothing."""
    message = f"no deployment tools: {reason}"
    if os.environ.get("CI") == "true":
        pytest.fail(message, pytrace=False)
    print(message)
    pytest.skip(message)
