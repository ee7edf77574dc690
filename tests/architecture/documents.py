"""Pages of documentation taken apart: prose, code blocks, inline code, links."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

_FENCE: Final = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_INLINE: Final = re.compile(r"`([^`\n]+)`")
_LINK: Final = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
_HEADING: Final = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language (empty if none is named) and its text without indentation."""

    language: str
    text: str


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        """The path below the root."""
        return str(self.path.relative_to(ROOT))

    @cached_property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The fenced blocks."""
        return tuple(
            Block(found[2], textwrap.dedent(found[3])) for found in _FENCE.finditer(self.text)
        )

    @cached_property
    def prose(self) -> str:
        """The text without its fenced blocks."""
        return _FENCE.sub("", self.text)

    @cached_property
    def inline(self) -> tuple[str, ...]:
        """Inline code."""
        return tuple(_INLINE.findall(self.prose))

    @cached_property
    def links(self) -> tuple[str, ...]:
        """Targets of links and pictures, in the order of the page."""
        return tuple(_LINK.findall(_INLINE.sub("", self.prose)))

    @cached_property
    def anchors(self) -> frozenset[str]:
        """What `#…` can point at, spelt as GitHub does."""
        return frozenset(_anchor(heading) for heading in _HEADING.findall(self.prose))

    def of_language(self, *languages: str) -> Iterator[str]:
        """The texts of blocks in one of the languages."""
        return (block.text for block in self.blocks if block.language in languages)


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def pages() -> list[Page]:
    """Every Markdown file of the repository, built and hidden folders left out."""
    found = []
    for path in sorted(ROOT.rglob("*.md")):
        folders = path.relative_to(ROOT).parts[:-1]
        if not any(part.startswith(".") or part in {"build", "dist"} for part in folders):
            found.append(Page(path))
    return found
