"""The database: where it is, how to reach it, and how writers keep out of each other's way.

dbt, Dagster, the command and the assets all get their connection from `open_database`.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from orchestration.core.embedded_server import embedded_server
from orchestration.core.errors import QuarterdeckError
from orchestration.core.processes import process_name, wait_until
from orchestration.core.roles import ROLES, TABLES, Role, RoleUse, domains, role_name
from orchestration.core.settings import Settings

DATABASE_NAME = "quarterdeck"
DAGSTER_SCHEMA = "dagster"


@dataclass(frozen=True)
class Database:
    """A reachable Postgres database; `conninfo` holds a password and must not be printed.

    role_use: how connections come to their role here; role: the one of this object's connections, None for the login's own.
    """

    conninfo: str
    role_use: RoleUse = RoleUse.NONE
    role: Role | None = None

    def __repr__(self) -> str:
        return f"Database({self.place})"

    @property
    def parameters(self) -> dict[str, str]:
        """Connection parameters by libpq's names."""
        return {name: str(value) for name, value in conninfo_to_dict(self.conninfo).items() if value is not None}

    @property
    def place(self) -> str:
        """Where the database is, without its password."""
        found = self.parameters
        return f"{found.get('dbname', '')} on {found.get('host', 'localhost')}"

    @property
    def role_name(self) -> str:
        """Name of this object's role on the server; empty where it has none."""
        return role_name(self.parameters.get("dbname", DATABASE_NAME), self.role) if self.role else ""

    def as_role(self, role: Role) -> "Database":
        """The same database for connections that may do what the role may, and no more.

        Where roles are not enforced, it is the login's own; `quarterdeck status` says so.
        """
        if self.role_use is RoleUse.NONE:
            return self
        named = replace(self, role=role)
        if self.role_use is RoleUse.LOGIN:
            return replace(named, conninfo=make_conninfo(self.conninfo, user=named.role_name))
        name = named.role_name.replace("\\", "\\\\").replace(" ", "\\ ")
        options = f"{self.parameters.get('options', '')} -c role={name}".strip()
        return replace(named, conninfo=make_conninfo(self.conninfo, options=options))

    def connect(self, *, application_name: str = "quarterdeck") -> psycopg.Connection:
        """A new connection; a transaction begins with the first statement and ends with the `with` block.

        Raises:
            QuarterdeckError: the login was not granted this object's role.
        """
        try:
            return psycopg.connect(self.conninfo, application_name=f"{application_name} {process_name()}")
        except psycopg.OperationalError as error:
            if self.role and "permission denied to set role" in str(error):
                raise QuarterdeckError(
                    f"The database's login {self.parameters.get('user', '')} may not act as {self.role}. "
                    f"An administrator can allow it: grant {self.role_name} to the login."
                ) from None
            raise

    def dbt_environment(self) -> dict[str, str]:
        """The variables that `dbt_project/profiles.yml` reads."""
        found = self.parameters
        environment = {
            "QUARTERDECK_DB_HOST": found.get("host", "localhost"),
            "QUARTERDECK_DB_PORT": found.get("port", "5432"),
            "QUARTERDECK_DB_USER": found.get("user", "postgres"),
            "QUARTERDECK_DB_PASSWORD": found.get("password", ""),
            "QUARTERDECK_DB_NAME": found.get("dbname", DATABASE_NAME),
            "QUARTERDECK_DB_SESSIONS": f"dbt {process_name()}",
            "QUARTERDECK_DB_ROLE": f'"{self.role_name}"' if self.role else "",
        }
        if "sslmode" in found:
            environment["PGSSLMODE"] = found["sslmode"]
        return environment

    def dagster_url(self) -> str:
        """URL of Dagster's run storage: the same database, in a schema of its own.

        Dagster commits each of a run's some hundred events by itself, and need not wait for the disk each time: a power
        cut may take back its last half second of events, in order. The data's own commits wait.
        """
        found = self.parameters
        login = quote(found.get("user", "postgres"), safe="")
        if found.get("password"):
            login += ":" + quote(found["password"], safe="")
        query = {"host": found.get("host", "localhost"), "port": found.get("port", "5432")}
        if "sslmode" in found:
            query["sslmode"] = found["sslmode"]
        query["options"] = f"-csearch_path={DAGSTER_SCHEMA} -csynchronous_commit=off"
        arguments = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        return f"postgresql://{login}@/{quote(found.get('dbname', DATABASE_NAME), safe='')}?{arguments}"


def embedded_data_dir(settings: Settings) -> Path:
    """Folder of the embedded server's data."""
    return settings.home / "postgres"


def parse_database(settings: Settings) -> Database:
    """The database as dbt's parser must see it, without starting it: parsing needs names, not a server."""
    if settings.database_url is not None:
        return Database(settings.database_url.get_secret_value())
    return Database(f"host='{embedded_data_dir(settings)}' user=postgres dbname=quarterdeck")


def open_database(settings: Settings) -> Database:
    """The database of these settings, started if it is the embedded one and not running yet.

    The embedded server stops when the last process that opened it ends.

    Raises:
        QuarterdeckError: the server cannot be reached or started.
    """
    if settings.database_url is not None:
        database = Database(settings.database_url.get_secret_value())
        if settings.database_wait_seconds:
            ping, address = psycopg.pq.PGconn.ping, database.conninfo.encode()
            wait_until(lambda: ping(address) == psycopg.pq.Ping.OK, settings.database_wait_seconds)
        try:
            with database.connect() as connection:
                # In SQL_ASCII texts are bytes, and in anything else many names cannot be kept.
                if (encoding := connection.info.parameter_status("server_encoding")) != "UTF8":
                    raise QuarterdeckError(
                        f"The database of QUARTERDECK_DATABASE_URL is in {encoding}; it must be made with encoding 'UTF8'."
                    )
                return _opened(replace(database, role_use=_prepare(connection, RoleUse.SET)))
        except psycopg.Error as error:
            raise QuarterdeckError(
                f"The database of QUARTERDECK_DATABASE_URL does not answer ({type(error).__name__}). "
                "Check that the server runs, that the address and login are right, and that it may create schemas."
            ) from None
    data_dir = embedded_data_dir(settings)
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    try:
        server = embedded_server(data_dir, cleanup_mode="stop")
    except Exception as error:
        raise QuarterdeckError(
            f"The embedded database in {data_dir} did not start ({type(error).__name__}). Its log is {data_dir / 'log'}. "
            "A full disk and a damaged data folder are the usual causes; `quarterdeck reset` begins anew."
        ) from error
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # Two processes that start at once must not both create it; session locks work across databases' names.
        connection.execute("select pg_advisory_lock(%s)", (_lock_key("create database"),))
        if connection.execute("select 1 from pg_database where datname = %s", (DATABASE_NAME,)).fetchone() is None:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE_NAME)))
    database = Database(server.get_uri(database=DATABASE_NAME))
    with database.connect() as connection:
        return _opened(replace(database, role_use=_prepare(connection, RoleUse.LOGIN)))


def _opened(database: Database) -> Database:
    _last_opened[:] = [database]
    return database


def last_opened() -> Database | None:
    """The database that this process opened last; None where it opened none, or has removed it since."""
    return _last_opened[0] if _last_opened else None


_last_opened: list[Database] = []


def remove_embedded(settings: Settings) -> None:
    """Stop the embedded server, if it runs, and delete its data."""
    data_dir = embedded_data_dir(settings)
    _last_opened.clear()
    if data_dir.exists():
        embedded_server(data_dir, cleanup_mode=None).stop()
        shutil.rmtree(data_dir)


def is_exclusive(database: Database, name: str) -> bool:
    """Whether somebody holds the lock `name`."""
    with database.connect() as connection:
        return connection.execute("select pg_try_advisory_xact_lock(%s)", (_lock_key(name),)).fetchone() == (False,)


@contextmanager
def exclusive(database: Database, name: str) -> Iterator[Callable[[], object]]:
    """Hold the lock `name` across processes: one writer at a time, the others wait their turn.

    It is a Postgres session lock, so it is free again as soon as its holder is gone, however it went. A run that holds it and
    gives no sign of life until its lease has run out is ended by who waits, and can write nothing more.

    Yields:
        A function that raises psycopg.OperationalError where the lock was lost meanwhile, as when the server was restarted.
    """
    with psycopg.connect(
        database.conninfo, autocommit=True, application_name=f"quarterdeck {name} {process_name()}"
    ) as connection:
        connection.execute("set lock_timeout = '5s'")
        while True:
            try:
                connection.execute("select pg_advisory_lock(%s)", (_lock_key(name),))
                break
            except psycopg.errors.LockNotAvailable:
                with suppress(psycopg.errors.LockNotAvailable):  # then it is asked again
                    connection.execute("select platform.end_silent_runs()")
        yield lambda: connection.execute("select")


def _lock_key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"quarterdeck {name}".encode()).digest()[:8], "big", signed=True)


def _prepare(connection: psycopg.Connection, wanted: RoleUse) -> RoleUse:
    """Create what every other part expects: the platform's tables, Dagster's schema, the roles and the domains' schemas.

    Each version of the scripts runs once on a database, so they hold only what is safe to repeat. Where the roles could not
    be made, that is tried again each time, since an administrator may have granted what was missing.
    """
    contents = [path.read_text() for path in (*TABLES, ROLES)]
    version = hashlib.sha256("\n".join([*contents, *domains(), wanted]).encode()).hexdigest()
    stamp = "select obj_description(to_regnamespace('platform'), 'pg_namespace')"
    found = connection.execute(stamp).fetchone()
    if found == (f"{version} {wanted}",):
        return wanted
    if found != (f"{version} {RoleUse.NONE}",):
        connection.execute("select pg_advisory_xact_lock(%s)", (_lock_key("prepare"),))
        for script in contents[: len(TABLES)]:
            connection.execute(script)
    use = _make_roles(connection, contents[-1], wanted)
    if found != (f"{version} {use}",):
        connection.execute(sql.SQL("comment on schema platform is {}").format(sql.Literal(f"{version} {use}")))
    return use


def _make_roles(connection: psycopg.Connection, script: str, wanted: RoleUse) -> RoleUse:
    """Make the roles and grant them what they may do; NONE where the login may not."""
    attribute = "login" if wanted is RoleUse.LOGIN else "nologin"
    try:
        with connection.transaction():
            connection.execute(
                "select set_config('quarterdeck.domains', %s, true), set_config('quarterdeck.role_attribute', %s, true)",
                (",".join(domains()), attribute),
            )
            connection.execute(script)
    except psycopg.errors.InsufficientPrivilege:
        return RoleUse.NONE
    return wanted
