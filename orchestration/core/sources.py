"""Where a domain's files come from: a word that it knows, such as `sample`, or a file's path or s3:// URL."""

from collections.abc import Sequence

from orchestration.core.errors import QuarterdeckError
from orchestration.core.settings import Settings
from orchestration.core.storage import open_file


def require_source(source: str, settings: Settings, words: Sequence[str]) -> str:
    """Refuse a source that is neither a word nor a file before anything starts; returns its word, absolute path or URL.

    Raises:
        QuarterdeckError: there is no such file, or its store fails.
    """
    if source in words:
        return source
    storage, key = open_file(source, settings)
    if storage.find(key) is None:
        raise QuarterdeckError(
            f"{source}: there is no such file. --source takes {', '.join(words)}, or a file's path or s3:// URL."
        )
    return storage.location(key)
