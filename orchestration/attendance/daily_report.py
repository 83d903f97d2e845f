"""Read daily school reports: XML drops with one item a school and day.

Raw control bytes, which XML forbids, are replaced by their visible symbols (0x1A by U+241A): the item can then be read, and
says which byte stood where. Nothing else of a file is repaired; what is not well-formed for another reason is refused.
"""

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import BinaryIO

from lxml import etree

from orchestration.attendance.contract import DailyReportContract
from orchestration.core.errors import QuarterdeckError

# All that XML 1.0 forbids among the bytes below 0x20; in UTF-8 such a byte is never a part of another character.
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_SYMBOL = re.compile("[\u2400-\u241f]")
_FIRST_SYMBOL = 0x2400
MOST_CONTROL_BYTES = 10_000
"""A drop has a handful; each is remembered with its place, so that their number must have a bound."""


@dataclass(frozen=True)
class ReportItem:
    """One item: its number in the file from 1, its texts as delivered by column, and what was repaired in it.

    repaired: such as `school_name: 0x1A`, or None.
    """

    number: int
    texts: dict[str, str | None]
    repaired: str | None

    def day(self, contract: DailyReportContract) -> date | None:
        """The item's day, or None where its text is no day."""
        try:
            return datetime.strptime(self.texts["day"] or "", contract.day_format).date()
        except ValueError:
            return None


@dataclass
class _VisibleControls(io.RawIOBase):
    """A stream in which control bytes are replaced by the UTF-8 of their symbols; `places` are where they stood."""

    stream: BinaryIO
    places: list[tuple[int, int]] = field(default_factory=list)
    _position: int = 0

    def read(self, size: int = -1) -> bytes:
        chunk = self.stream.read(size)
        if len(self.places) > MOST_CONTROL_BYTES:
            raise QuarterdeckError(
                f"{Path(self.stream.name).name} holds more than {MOST_CONTROL_BYTES:,} control bytes, so it is no "
                "text. Ask the sender for a whole file."
            )
        start = self._position
        self._position += len(chunk)

        def visible(match: re.Match[bytes]) -> bytes:
            byte = match.group()[0]
            self.places.append((start + match.start(), byte))
            return chr(_FIRST_SYMBOL + byte).encode()

        return _CONTROL.sub(visible, chunk)


def is_daily_report(path: Path, contract: DailyReportContract) -> bool:
    """Whether the file is XML with the contract's root element."""
    with path.open("rb") as stream:
        if not stream.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            return False
        stream.seek(0)
        try:
            _, root = next(etree.iterparse(_VisibleControls(stream), events=("start",), **_SAFE))
        except (etree.XMLSyntaxError, StopIteration):
            return False
        return bool(root.tag == contract.root)


def xml_fault(path: Path, contract: DailyReportContract) -> str | None:
    """Why a file of XML is no daily report; None where it is no XML."""
    with path.open("rb") as stream:
        start = stream.read(256)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and b"<\x00" in start + b"\x00":
            return "it is written in UTF-16, and a daily report is read as UTF-8. Save it as UTF-8."
        start = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if not start.startswith(b"<") or b"<html" in start or b"<!doctype html" in start:
            return None
        stream.seek(0)
        try:
            _, root = next(etree.iterparse(_VisibleControls(stream), events=("start",), **_SAFE))
        except (etree.XMLSyntaxError, StopIteration, LookupError) as error:
            return f"it is not well-formed XML ({' '.join(str(error).split())}). Ask the sender for a whole file."
        return f"its root element is '{root.tag}' and not '{contract.root}'."


# Nothing is fetched and no entity is expanded, so that a file can neither read other files nor grow without bound.
_SAFE = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}


def read_items(path: Path, contract: DailyReportContract, *, name: str | None = None) -> Iterator[ReportItem]:
    """The items of a report, one at a time, so that a file of any length takes the same memory.

    Raises:
        QuarterdeckError: the file is not well-formed beyond control bytes, declares a document type, or ends early.
    """
    name = name or path.name
    columns = {element: column for column, element in contract.fields.items()}
    number = 0
    with path.open("rb") as stream:
        controls = _VisibleControls(stream)
        try:
            for _, element in etree.iterparse(controls, events=("end",), **_SAFE):
                if element.getroottree().docinfo.doctype:
                    raise QuarterdeckError(
                        f"{name}: it declares a document type, which no daily report needs. It is refused."
                    )
                if element.tag != contract.item:
                    continue
                number += 1
                texts: dict[str, str | None] = dict.fromkeys(contract.fields)
                texts |= {columns[child.tag]: child.text or "" for child in element if child.tag in columns}
                yield ReportItem(number, texts, _repairs(texts) if controls.places else None)
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
        except etree.XMLSyntaxError as error:
            what = " ".join(str(error.msg).split())
            raise QuarterdeckError(
                f"{name}: it is not well-formed XML: {what}. Ask the sender for a whole file; nothing of it was loaded."
            ) from None


def control_bytes(path: Path) -> list[tuple[int, int]]:
    """Place and value of each control byte in the file."""
    controls = _VisibleControls(path.open("rb"))
    with controls.stream:
        while controls.read(1 << 20):
            pass
    return controls.places


def _repairs(texts: dict[str, str | None]) -> str | None:
    found = [
        f"{column}: {', '.join(f'0x{ord(symbol) - _FIRST_SYMBOL:02X}' for symbol in _SYMBOL.findall(text))}"
        for column, text in texts.items()
        if text and _SYMBOL.search(text)
    ]
    return "; ".join(found) or None
