"""What a file is that is no delimited text: told by its first bytes, and said with what to do instead."""

from __future__ import annotations

import re

from orchestration.core.errors import QuarterdeckError

_UNPACK = "unpack it and give the CSV inside"
_EXPORT = "ask for the table as a CSV file"
_MAGIC = {
    b"PK\x03\x04": ("a zip archive", _UNPACK),
    b"PK\x05\x06": ("an empty zip archive", "download it again"),
    b"\x1f\x8b": ("compressed with gzip", _UNPACK),
    b"BZh": ("compressed with bzip2", _UNPACK),
    b"\xfd7zXZ\x00": ("compressed with xz", _UNPACK),
    b"\x28\xb5\x2f\xfd": ("compressed with zstandard", _UNPACK),
    b"7z\xbc\xaf\x27\x1c": ("a 7-Zip archive", _UNPACK),
    b"%PDF-": ("a PDF document", _EXPORT),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", "open it and save the sheet as CSV UTF-8"),
    b"PAR1": ("a Parquet file", _EXPORT),
    b"SQLite format 3\x00": ("an SQLite database", _EXPORT),
}
_OTHER_TEXT = (
    (r"version https://git-lfs\.github\.com/spec/", "a Git LFS pointer", "fetch the data itself with `git lfs pull`"),
    (r"(<\?xml[^>]*>\s*)?<(!doctype html|html|head|body|script|!--)", "an HTML page", "download the file itself"),
    (r"<\?xml", "an XML file", _EXPORT),
    (r'(\[\s*)?\{\s*("|\})', "a JSON file", _EXPORT),
)


def binary_file(name: str) -> QuarterdeckError:
    """The error for a file that is no text at all."""
    return QuarterdeckError(f"{name} is a binary file, not a CSV: {_EXPORT}.")


def refuse_binary(name: str, sample: bytes) -> None:
    """Refuse a file that its first bytes give away.

    Raises:
        QuarterdeckError: it is empty, an archive, a workbook, a document or a database.
    """
    if not sample:
        raise QuarterdeckError(f"{name} is empty: export or download it again.")
    if sample.startswith(b"PK") and (b"xl/" in sample or b"[Content_Types].xml" in sample):
        raise QuarterdeckError(f"{name} is an Excel workbook, not a CSV: open it and save the sheet as CSV UTF-8.")
    for magic, (description, advice) in _MAGIC.items():
        if sample.startswith(magic):
            raise QuarterdeckError(f"{name} is {description}, not a CSV: {advice}.")


def refuse_other_text(name: str, text: str) -> None:
    """Refuse a text that is no table by its beginning.

    Raises:
        QuarterdeckError: it is blank, a page, a pointer, XML, JSON, or full of control characters.
    """
    start = text.lstrip("\ufeff \t\r\n")[:4096]
    if not start:
        raise QuarterdeckError(f"{name} holds nothing but blank lines: export it again.")
    for pattern, description, advice in _OTHER_TEXT:
        if re.match(pattern, start, re.IGNORECASE):
            raise QuarterdeckError(f"{name} is {description}, not a CSV: {advice}.")
    control = len(re.findall(r"[\x00-\x08\x0e-\x1f]", text))
    if control * 100 > len(text):
        raise binary_file(name)
