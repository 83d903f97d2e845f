"""Texts of files, made fit to be shown to people."""


def printable(text: str) -> str:
    """A text without what could steer a terminal: control characters are shown as Python writes them."""
    return "".join(one if one.isprintable() or one == "\n" else repr(one)[1:-1] for one in text)
