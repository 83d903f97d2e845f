"""Numbers for the distinct sets of values that some columns hold: a line then needs one number instead of many texts."""

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_CODE_BITS = 32
_CODE_MASK = 2**_CODE_BITS - 1


class DistinctSets:
    """The distinct sets of values of some text columns, numbered from 1 as they first appear in a stream of blocks.

    The memory needed grows with the number of distinct sets, some tens of bytes each, not with that of lines.

    set_apart: lines that have a set of their own, whatever their values; these sets come first, in the order of the lines.
    """

    def __init__(self, columns: Sequence[str], set_apart: Collection[int] = ()) -> None:
        self._columns = list(columns)
        self._apart: npt.NDArray[np.int64] = np.array(sorted(set_apart), np.int64)
        self._values_apart: dict[int, list[str | None]] = {}
        self._codes: list[dict[str, int]] = [{} for _ in columns]
        # A set is numbered column by column: what it is in the columns before has a number, and with the next value another one.
        self._numbers = [_Numbers() for _ in columns]
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
        sets = np.zeros(len(lines), np.int64)
        for name, codes, numbers in zip(self._columns, self._codes, self._numbers, strict=True):
            encoded = lines[name].combine_chunks().dictionary_encode()
            code = np.array([codes.setdefault(value, len(codes)) for value in encoded.dictionary.to_pylist()], np.int64)
            # Each distinct pair of the block is looked up once.
            pairs = pa.array((sets << _CODE_BITS) | code[np.asarray(encoded.indices)]).dictionary_encode()
            sets = numbers.of(np.asarray(pairs.dictionary))[np.asarray(pairs.indices)]

        self._counts = np.pad(self._counts, (0, len(self._numbers[-1]) - len(self._counts)))
        self._counts += np.bincount(sets, minlength=len(self._counts))
        placed = np.zeros(len(block), np.int32)
        placed[has_values] = sets + 1 + len(self._apart)
        return pa.array(placed, mask=~has_values)

    def table(self, number: str) -> pa.Table:
        """All sets so far: the column `number` (int32), the columns with their values, `line_count` (int64)."""
        sets, values = np.arange(len(self._counts)), []
        for codes, numbers in zip(reversed(self._codes), reversed(self._numbers), strict=True):
            pairs = numbers.numbered()[sets]
            values.append(pa.array(list(codes), pa.string()).take(pa.array(pairs & _CODE_MASK)))
            sets = pairs >> _CODE_BITS
        apart = [self._values_apart.get(line) for line in self._apart.tolist()]
        own = [pa.array([line and line[place] for line in apart], pa.string()) for place in range(len(self._columns))]
        counts = np.concatenate([np.array([line is not None for line in apart], np.int64), self._counts])
        return pa.table(
            {
                number: pa.array(np.arange(1, len(counts) + 1), pa.int32()),
                **{
                    name: pa.concat_arrays(both)
                    for name, *both in zip(self._columns, own, reversed(values), strict=True)
                },
                "line_count": pa.array(counts),
            }
        )


class _Numbers:
    """Distinct whole numbers, numbered from 0 as they first appear."""

    def __init__(self) -> None:
        self._known: npt.NDArray[np.int64] = np.zeros(0, np.int64)  # in ascending order
        self._numbers: npt.NDArray[np.int64] = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self._known)

    def of(self, values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The number of each of these values, none of which stands there twice."""
        places = np.searchsorted(self._known, values)
        is_new = np.ones(len(values), bool)
        inside = places < len(self)
        is_new[inside] = self._known[places[inside]] != values[inside]
        numbers = np.empty(len(values), np.int64)
        numbers[~is_new] = self._numbers[places[~is_new]]
        numbers[is_new] = np.arange(len(self), len(self) + is_new.sum())
        if is_new.any():
            ascending = np.flatnonzero(is_new)[np.argsort(values[is_new])]
            self._known = np.insert(self._known, places[ascending], values[ascending])
            self._numbers = np.insert(self._numbers, places[ascending], numbers[ascending])
        return numbers

    def numbered(self) -> npt.NDArray[np.int64]:
        """The values, in the order of their numbers."""
        values = np.empty(len(self), np.int64)
        values[self._numbers] = self._known
        return values
