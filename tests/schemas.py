"""Published records against their JSON Schemas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import orjson
from jsonschema import Draft202012Validator

from stream_monitor.core.published_schemas.records import RecordType, schema_of

Sort = tuple[str, str | None, str | None]
"""Type, status and kind, where the record has them."""


def mistakes(record: Mapping[str, Any]) -> list[str]:
    """What a record's schema does not accept of its JSON."""
    kind = RecordType(record["type"])
    published = orjson.loads(orjson.dumps(record))
    errors = _validator(kind).iter_errors(published)
    return [f"{kind}{error.json_path[1:]}: {error.message}" for error in errors]


def accepted(records: Iterable[Mapping[str, Any]]) -> Counter[Sort]:
    """How many records of each sort there are; every one of them fits its schema."""
    found: Counter[Sort] = Counter()
    for record in records:
        assert mistakes(record) == []
        found[record["type"], record.get("status"), record.get("kind")] += 1
    return found


@cache
def _validator(kind: RecordType) -> Any:
    return Draft202012Validator(schema_of(kind))
