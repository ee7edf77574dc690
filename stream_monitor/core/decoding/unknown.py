"""Fields of `features` that the schema does not know: DuckDB drops them in silence, a sample tells."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stream_monitor.core.columns import UnknownFields
from stream_monitor.core.decoding.query import JsonQueries, pointer
from stream_monitor.core.schema import PREDICTION, Schema

LOOK_EVERY: Final = 16
"""One record in so many is looked at, by the hash of its id: not by its place, so batches do not matter."""
MAX_NAME_LENGTH: Final = 200


def unknown_fields(
    queries: JsonQueries, texts: pa.StringArray, hashed: NDArray[np.uint32],
    is_good: NDArray[np.bool_], schema: Schema,
) -> UnknownFields:  # fmt: skip
    """What the looked-at rows among the good ones carry; `hashed` are the rows' ids."""
    looked = np.flatnonzero((hashed % LOOK_EVERY == 0) & is_good)
    if not len(looked):
        return UnknownFields(looked, looked, pa.array([], pa.string()).dictionary_encode())
    keys = queries.keys(texts.take(pa.array(looked)), pointer("features"))
    known = pa.array([n for n in schema.names if not n.startswith(PREDICTION)], pa.string())
    names = keys.flatten()
    is_unknown = pc.invert(pc.is_in(names, known))
    row = looked[np.asarray(pc.list_parent_indices(keys).filter(is_unknown))]
    shown = pc.utf8_slice_codeunits(names.filter(is_unknown), 0, MAX_NAME_LENGTH)
    return UnknownFields(looked, row, shown.dictionary_encode())
