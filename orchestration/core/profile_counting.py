"""Count a column's distinct values as its blocks go by, exactly up to a bound and by a sample of the values beyond it.

Beyond the bound, the values with the smallest hashes are kept, each with all of its rows: a value is in the sample of every
block or of none. Their number among all hashes gives the number of distinct values (bottom-k, or k minimum values:
Bar-Yossef and others, Counting distinct elements in a data stream, 2002; relative error about 1/sqrt(k), 1.4 % here).
The most frequent values seen before the bound stay counted too, since a sample of values may miss them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

EXACT_LIMIT = 20_000
"""Distinct values that are counted one by one; a column with more is estimated."""

SAMPLE_SIZE = 5_000
FREQUENT_VALUES = 100
LONGEST_VALUE = 200
"""Characters of a value that are looked at; longer texts are told apart by these, so that memory is bounded."""

_HASHES = 2.0**64


@dataclass(frozen=True)
class Counted:
    """Rows of each distinct value, and the number of distinct values where it is an estimate.

    Then `counts` holds frequent values and a sample of the others, whose rows are scaled up to all rows.
    """

    counts: dict[str | None, float]
    distinct: int | None


class ColumnCounter:
    """Counts one column; `exact_limit` and `sample_size` bound its memory."""

    def __init__(self, *, exact_limit: int = EXACT_LIMIT, sample_size: int = SAMPLE_SIZE) -> None:
        self._exact_limit, self._sample_size = exact_limit, sample_size
        self._counts: dict[str | None, float] = {}
        self._frequent: frozenset[str | None] | None = None  # None: everything is counted so far
        self._hashes: dict[str, int] = {}
        self._threshold = int(_HASHES)
        self._rows = 0

    def add(self, column: pa.ChunkedArray) -> None:
        """Count a block of texts."""
        counted = pc.value_counts(column.combine_chunks().cast(pa.string()))
        values, rows = counted.field("values"), counted.field("counts").to_numpy()
        self._rows += len(column)
        if (pc.max(pc.utf8_length(values)).as_py() or 0) > LONGEST_VALUE:
            values = pc.utf8_slice_codeunits(values, 0, LONGEST_VALUE)
        texts = values.to_numpy(zero_copy_only=False)
        if self._frequent is None:
            self._merge(texts, rows)
            if len(self._counts) > self._exact_limit:
                self._begin_sample()
            return
        hashes = _hashed(texts)
        known = np.fromiter((text in self._frequent for text in texts), bool, len(texts))
        small = hashes <= self._threshold
        self._hashes.update(zip(texts[small & ~known], hashes[small & ~known].tolist(), strict=True))
        self._merge(texts[small | known], rows[small | known])
        if len(self._hashes) > 2 * self._sample_size:
            self._shrink()

    def _merge(self, texts: Any, rows: Any) -> None:
        counts = self._counts
        for text, number in zip(texts, rows.tolist(), strict=True):
            counts[text] = counts.get(text, 0) + number

    def _begin_sample(self) -> None:
        ranked = sorted(self._counts, key=lambda text: (-self._counts[text], text or ""))
        self._frequent = frozenset([None, "", *ranked[:FREQUENT_VALUES]])
        others = np.array([text for text in self._counts if text not in self._frequent], dtype=object)
        self._hashes = dict(zip(others, _hashed(others).tolist(), strict=True))
        self._shrink()

    def _shrink(self) -> None:
        kept = sorted(self._hashes.items(), key=lambda item: (item[1], item[0]))[: self._sample_size]
        self._threshold = kept[-1][1]
        for text in set(self._hashes) - {text for text, _ in kept}:
            del self._counts[text]
        self._hashes = dict(kept)

    def result(self) -> Counted:
        """What was counted."""
        if self._frequent is None:
            return Counted(dict(self._counts), None)
        self._shrink()
        sampled = len(self._hashes)
        # The largest of the kept hashes cuts off this share of all values; it is not counted itself.
        others = (sampled - 1) / ((self._threshold + 1) / _HASHES)
        counts = {text: rows for text, rows in self._counts.items() if text in self._frequent}
        missing = sum(rows for text, rows in counts.items() if not (text or "").strip())
        sample = {text: rows for text, rows in self._counts.items() if text not in self._frequent}
        scale = (self._rows - sum(counts.values())) / sum(sample.values())
        distinct = round(others) + sum(bool((text or "").strip()) for text in counts)
        counts |= {text: rows * scale for text, rows in sample.items()}
        return Counted(counts, min(distinct, self._rows - round(missing)))


def _hashed(texts: Any) -> Any:
    """64-bit hashes that are the same in every process."""
    # Imported here because few files have a column that needs it.
    from pandas.util import hash_array

    return hash_array(np.array([text or "" for text in texts], dtype=object), categorize=False)
