"""Reading the marts from outside, as a person would: by the command's `sql`."""

from tests.conftest import Command

TABLES = """
    select relnamespace::regnamespace || '.' || relname as name from pg_class
    where relnamespace::regnamespace::text like 'student\\_performance\\_%' and relkind in ('r', 'p', 'v')
        and not relispartition and relnamespace::regnamespace::text <> 'student_performance_raw'
        -- These also tell of a file that waits, and in which slot, which says nothing about what readers see.
        and not exists (select from pg_attribute where attrelid = pg_class.oid and attname = 'slot' and not attisdropped)
    order by 1
"""


def fingerprints(command: Command, where: str = "true") -> dict[str, str]:
    """A hash of each mart's, staging and clustering table's rows (those matching `where`), whatever their order."""
    names = [str(row["name"]) for row in command.rows(TABLES)]
    assert len(names) > 15, names
    queries = [
        f"""
        select '{name}' as name,
            coalesce(md5(string_agg(md5(row_text), '' order by md5(row_text))), 'empty') as hash
        from (select counted::text as row_text from {name} as counted where {where}) as texts
        """
        for name in names
        if where == "true" or not name.endswith((".dim_codes", ".exam_definitions", ".score_ranges"))
    ]
    return {str(row["name"]): str(row["hash"]) for row in command.rows(" union all ".join(queries))}
