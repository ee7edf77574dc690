"""The compose file fits its specification, and the Dockerfile has nothing that its linter finds."""

from __future__ import annotations

from pathlib import Path

from tests.deployment.rendered import ROOT
from tests.tools.checkers import checkers, run


def specification_errors(compose: Path) -> str:
    done = checkers().python(
        "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", compose
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_compose_file_fits_the_specification() -> None:
    assert specification_errors(ROOT / "docker-compose.yml") == ""


def test_an_unknown_key_of_compose_is_found(tmp_path: Path) -> None:
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    path = tmp_path / "docker-compose.yml"
    path.write_text(text.replace("read_only: true", "readonly: true", 1))
    assert "'readonly' was unexpected" in specification_errors(path)


def test_dockerfile_is_clean() -> None:
    done = run([checkers().hadolint, "--failure-threshold", "style", ROOT / "Dockerfile"])
    assert (done.returncode, done.stdout) == (0, "")


def test_an_image_without_a_tag_is_found() -> None:
    done = run([checkers().hadolint, "-"], given="FROM python\nUSER 1\n")
    assert done.returncode == 1
    assert "DL3006" in done.stdout
