"""Keeps the answers of linear programmes about quarters, so that a new quarter does not have all of history solved anew."""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from orchestration.core.builds import code_fingerprint


class Solved:
    """Answers by a hash of everything that they depend on: the question, the code that solves it, and the solver.

    An answer can therefore not go stale: another count, rule, scheme or version is another question. A kept answer holds
    positions in the question's own order and no counts. Without a file, answers last as long as this object.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._asked: dict[str, Any] = {}
        self._kept: dict[str, Any] = {}
        if file is not None and file.exists():
            # What a machine that lost its power left half written is solved again.
            with contextlib.suppress(ValueError):
                self._kept = json.loads(file.read_text(encoding="utf-8"))

    def answer(self, question: tuple[object, ...], solve: Callable[[], Any]) -> Any:
        """What `solve` answered when the question was first asked: plain values that JSON has.

        question: values whose `repr` says all of them, in an order of their own.
        """
        key = hashlib.sha256(repr((_solver(), *question)).encode()).hexdigest()
        if key not in self._asked:
            self._asked[key] = self._kept[key] if key in self._kept else solve()
        return self._asked[key]

    def save(self) -> None:
        """Keep what was asked this time, and nothing else, so that the file does not grow."""
        if self._file is None or self._asked == self._kept:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        partial = self._file.with_suffix(f".{os.getpid()}.partial")
        partial.write_text(json.dumps(self._asked, sort_keys=True), encoding="utf-8")
        partial.replace(self._file)


@cache
def _solver() -> tuple[str, str]:
    return version("highspy"), code_fingerprint(*Path(__file__).parent.glob("disclosure*.py"))
