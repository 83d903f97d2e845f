"""Numbers for the distinct sets of values that some columns hold: a line then needs one number instead of many texts."""

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_LARGEST_KEY = 2**62


class DistinctSets:
    """The distinct sets of values of some text columns, numbered from 1 as they first appear in a stream of blocks.

    The memory needed grows with the number of distinct sets (some 200 bytes each), not with that of lines.

    set_apart: lines that have a set of their own, whatever their values; these sets come first, in the order of the lines.
    """

    def __init__(self, columns: Sequence[str], set_apart: Collection[int] = ()) -> None:
        self._columns = list(columns)
        self._apart: npt.NDArray[np.int64] = np.array(sorted(set_apart), np.int64)
        self._values_apart: dict[int, list[str | None]] = {}
        self._codes: list[dict[str, int]] = [{} for _ in columns]
        # The codes of a set's values, as the bytes of an array, and the set's number from 0.
        self._sets: dict[bytes, int] = {}
        self._counts: npt.NDArray[np.int64] = np.zeros(0, np.int64)

    def number(self, block: pa.Table) -> pa.Array:
        """The number of each line's set (int32); null where the line has no values. Lines are told apart by `source_line`."""
        if not len(self._apart):
            return self._number_alike(block)
        lines = np.asarray(block["source_line"])
        is_apart = np.isin(lines, self._apart)
        first, mask = self._columns[0], pa.array(is_apart)
        values = pc.if_else(mask, None, block[first])
        numbers = self._number_alike(block.set_column(block.schema.get_field_index(first), first, values))
        for place in np.flatnonzero(is_apart).tolist():
            self._values_apart[int(lines[place])] = [block[name][place].as_py() for name in self._columns]
        own = np.searchsorted(self._apart, lines).astype(np.int32) + 1
        return pc.if_else(mask, pa.array(own, pa.int32()), numbers)

    def _number_alike(self, block: pa.Table) -> pa.Array:
        has_values = np.asarray(pc.is_valid(block[self._columns[0]]))
        lines = block if has_values.all() else block.filter(has_values)
        encoded = [lines[name].combine_chunks().dictionary_encode() for name in self._columns]
        places = [np.asarray(column.indices) for column in encoded]
        of_line, count = _distinct_rows(places, [len(column.dictionary) for column in encoded])
        # Each distinct set of the block is looked at once, in the first line that has it.
        first_line = np.zeros(count, np.int64)
        first_line[of_line[::-1]] = np.arange(len(of_line))[::-1]
        codes = np.empty((count, len(encoded)), np.int32)
        for position, (column, known) in enumerate(zip(encoded, self._codes, strict=True)):
            code = [known.setdefault(value, len(known)) for value in column.dictionary.to_pylist()]
            codes[:, position] = np.array(code, np.int32)[places[position][first_line]]
        keys = codes.view(f"V{codes.itemsize * codes.shape[1]}").ravel().tolist()
        numbers = np.array([self._sets.setdefault(key, len(self._sets)) for key in keys], np.int32)

        self._counts = np.pad(self._counts, (0, len(self._sets) - len(self._counts)))
        self._counts[numbers] += np.bincount(of_line, minlength=count)
        placed = np.zeros(len(block), np.int32)
        placed[has_values] = numbers[of_line] + 1 + len(self._apart)
        return pa.array(placed, mask=~has_values)

    def table(self, number: str) -> pa.Table:
        """All sets so far: the column `number` (int32), the columns with their values, `line_count` (int64)."""
        codes = np.frombuffer(b"".join(self._sets), np.int32).reshape(-1, len(self._columns))
        values = [
            pa.array(list(known), pa.string()).take(pa.array(codes[:, position]))
            for position, known in enumerate(self._codes)
        ]
        apart = [self._values_apart.get(line) for line in self._apart.tolist()]
        own = [pa.array([line and line[place] for line in apart], pa.string()) for place in range(len(self._columns))]
        counts = np.concatenate([np.array([line is not None for line in apart], np.int64), self._counts])
        return pa.table(
            {
                number: pa.array(np.arange(1, len(counts) + 1), pa.int32()),
                **{name: pa.concat_arrays(both) for name, *both in zip(self._columns, own, values, strict=True)},
                "line_count": pa.array(counts),
            }
        )


def _distinct_rows(columns: Sequence[npt.NDArray[np.int32]], sizes: Sequence[int]) -> tuple[npt.NDArray[np.int32], int]:
    """The place of each row among the distinct rows of columns of whole numbers below `sizes`, and how many there are."""
    keys, size = columns[0].astype(np.int64), sizes[0]
    for column, column_size in zip(columns[1:], sizes[1:], strict=True):
        if size * column_size >= _LARGEST_KEY:
            distinct = pa.array(keys).dictionary_encode()
            keys, size = np.asarray(distinct.indices).astype(np.int64), len(distinct.dictionary)
        keys = keys * column_size + column
        size *= column_size
    distinct = pa.array(keys).dictionary_encode()
    return np.asarray(distinct.indices), len(distinct.dictionary)
