"""What becomes of category values that may be personal data, before anything counts or stores them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import pyarrow as pa

PRESENT_VALUE: Final = "present"
"""What every value of a dropped feature becomes: only present or missing is left of it."""

_DIGEST_BYTES: Final = 8
_KEY_BYTES: Final = 64


class Privacy(StrEnum):
    """How a categorical feature's values are kept."""

    KEEP = "keep"
    HASH = "hash"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Mask:
    """Hashes or drops the values of one feature; `salt` is the key of the digests and never shown."""

    privacy: Privacy
    salt: str = field(default="", repr=False)

    @property
    def form(self) -> str:
        """Names what values become: equal forms count alike, so it is part of a feature's schema.

        >>> Mask(Privacy.KEEP).form, Mask(Privacy.DROP).form, Mask(Privacy.HASH, "s").form[:5]
        ('', 'drop', 'hash:')
        """
        if self.privacy is Privacy.HASH:
            return f"hash:{digest('', self.salt)}"
        return "drop" if self.privacy is Privacy.DROP else ""

    def apply(self, column: pa.DictionaryArray) -> pa.DictionaryArray:
        """The column with its values replaced; null stays null."""
        if self.privacy is Privacy.KEEP:
            return column
        if self.privacy is Privacy.DROP:
            places = pa.array([0] * len(column.dictionary), pa.int32())
            return pa.DictionaryArray.from_arrays(
                places.take(column.indices), pa.array([PRESENT_VALUE])
            )
        values = [digest(value, self.salt) for value in column.dictionary.to_pylist()]
        return pa.DictionaryArray.from_arrays(column.indices, pa.array(values, pa.string()))


def masked(
    columns: Sequence[pa.DictionaryArray], names: Sequence[str], masks: Mapping[str, Mask]
) -> tuple[pa.DictionaryArray, ...]:
    """One column per feature name, masked where a mask is declared."""
    if not masks:
        return tuple(columns)
    return tuple(
        masks[name].apply(column) if name in masks else column
        for name, column in zip(names, columns, strict=True)
    )


def digest(value: str, salt: str) -> str:
    """16 hex digits of keyed BLAKE2b: equal for equal values and salts.

    >>> digest("UA", "a") == digest("UA", "a"), digest("UA", "a") == digest("UA", "b")
    (True, False)
    """
    key = hashlib.blake2b(salt.encode("utf-8", "replace"), digest_size=_KEY_BYTES).digest()
    text = value.encode("utf-8", "replace")
    return hashlib.blake2b(text, digest_size=_DIGEST_BYTES, key=key).hexdigest()
