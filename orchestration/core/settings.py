"""Every setting of Quarterdeck, read once from the environment (`QUARTERDECK_*`), a `.env` file or a container's secrets.

What does not belong here: rules about data (they are in a domain's `contract.yml` and the dbt seeds).
"""

from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from orchestration.core.disclosure import Rules
from orchestration.core.errors import QuarterdeckError

# The source tree, or the site-packages of an installed wheel: `dbt_project` and `workspace.yaml` are there either way.
PROJECT_ROOT = Path(__file__).resolve().parents[2]
IS_SOURCE_TREE = (PROJECT_ROOT / "pyproject.toml").exists()
# Where containers find their secrets: a file each, by the name of its variable in small letters.
SECRETS_DIR = Path("/run/secrets")


class Mode(StrEnum):
    """What this deployment is for; decides whether the automation is on when the deployment starts."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class Engine(StrEnum):
    """What the dbt models run on."""

    POSTGRES = "postgres"
    SPARK = "spark"


class Settings(BaseSettings):
    """The settings; each field is the variable `QUARTERDECK_<FIELD>`, and `AWS_<FIELD>` stays as it is."""

    model_config = SettingsConfigDict(
        env_prefix="QUARTERDECK_",
        env_file=".env",
        secrets_dir=SECRETS_DIR if SECRETS_DIR.is_dir() else None,
        extra="ignore",
        env_ignore_empty=True,
        # Secrets that a cluster mounts often end with a line end, which no store takes.
        str_strip_whitespace=True,
    )

    mode: Mode = Field(
        Mode.DEVELOPMENT,
        description="production: schedule and sensors are on from the start; test: the schedule ticks every minute.",
    )
    home: Path = Field(
        (PROJECT_ROOT if IS_SOURCE_TREE else Path()) / ".quarterdeck",
        description="Folder of everything a run leaves behind: database, landing, pages, Dagster's files. In the source "
        "tree's folder, or where an installed Quarterdeck is started.",
    )
    database_url: SecretStr | None = Field(
        None, description="postgresql://... of any server 15 or later; without it the embedded one is used."
    )
    database_wait_seconds: float = Field(
        0.0, ge=0, description="How long a process waits for that server to answer, where both start together."
    )
    landing_dir: str | None = Field(
        None, description="Folder or s3://bucket/prefix of received files; <home>/landing when unset."
    )
    landing_keys: SecretStr | None = Field(
        None, description="Keys that received files are encrypted under: ID:BASE64,ID:BASE64, the current one first."
    )
    landing_key_file: Path | None = Field(
        None, description="File with those keys; <home>/keys/landing.json, made on first use, when unset."
    )
    landing_key_service: str | None = Field(
        None,
        # A token and data keys go there, so in the clear to this machine only.
        pattern=r"^(https://[A-Za-z0-9._-]+|http://(127\.0\.0\.1|localhost))(:\d{1,5})?/v1/[\w./-]+/keys/[\w.-]+$",
        description="A key of Vault's transit engine that wraps the keys: https://HOST:8200/v1/transit/keys/NAME.",
    )
    vault_token: SecretStr | None = Field(None, validation_alias="VAULT_TOKEN")
    # The names that every tool for S3 knows, so that nobody has to say a key twice.
    aws_endpoint_url: str | None = Field(
        None,
        validation_alias="AWS_ENDPOINT_URL",
        pattern=r"^https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(:\d{1,5})?(/[\w./~-]*)?$",
        description="http(s)://host:port of another store than Amazon's.",
    )
    aws_region: str | None = Field(None, validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION"))
    aws_access_key_id: SecretStr | None = Field(None, validation_alias="AWS_ACCESS_KEY_ID")
    aws_secret_access_key: SecretStr | None = Field(None, validation_alias="AWS_SECRET_ACCESS_KEY")
    aws_session_token: SecretStr | None = Field(None, validation_alias="AWS_SESSION_TOKEN")
    engine: Engine = Field(
        Engine.POSTGRES,
        description="What the dbt models run on; with spark, Postgres holds the platform's tables and a copy of the marts.",
    )
    spark_host: str = Field("localhost", description="Host of Spark's thrift server.")
    spark_port: int = Field(10000, description="Port of Spark's thrift server.")
    spark_warehouse: str | None = Field(
        None,
        description="URL of the folder of Spark's tables, as its workers reach it: s3a://bucket/folder, file:///mount.",
    )
    site_dir: Path | None = Field(None, description="Folder of published pages; <home>/site when unset.")
    external_site_dir: Path | None = Field(
        None, description="Folder of the published external edition; <home>/site-external when unset."
    )
    external_minimum_count: int = Field(
        10, ge=2, description="The external edition shows no count of fewer students than this."
    )
    external_minimum_width: int = Field(
        5,
        ge=1,
        description="The external edition is refused when a hidden count can be bounded more closely than this.",
    )
    max_quarantined_pct: float = Field(
        5.0, ge=0, le=100, description="A quarter with a larger share of quarantined rows is not published."
    )
    contract: Path | None = Field(None, description="An office's own contract.yml for exam results.")
    aliases: Path | None = Field(None, description="An office's own header names, beside the shipped aliases.yml.")
    kaggle_dataset: str = "spscientist/students-performance-in-exams"
    kaggle_probe_seconds: float = Field(3.0, description="How long --source auto waits to see whether Kaggle answers.")
    kaggle_timeout_seconds: float = 120.0
    first_quarter: str = Field("2010Q1", description="The oldest quarter that can be loaded.")
    academic_year_start_month: int = Field(
        1, ge=1, le=12, description="Month in which Q1 begins: 1 for calendar quarters, 9 for a year from September."
    )
    sample_rows: int = Field(1000, ge=1)
    sample_quarters: int = Field(8, ge=1, description="Quarters that a first run on the built-in sample brings.")
    stage_timeout_seconds: float = Field(600.0, description="How long a stage waits for the one before it.")
    lease_seconds: float = Field(
        60.0, gt=0, description="A run that gave no sign of life for so long may have its quarters taken over."
    )
    alert_urls: SecretStr | None = Field(
        None, description="Where alerts go: Apprise URLs (mailto://, slack://, json:// ...), with a space between them."
    )
    max_concurrent_runs: int = Field(4, ge=1, description="Runs at work at once, of all kinds; the others are queued.")
    database_writers: int = Field(
        2, ge=1, description="Runs at work at once that write to the database; each does one step at a time."
    )
    pseudonym_key: SecretStr | None = Field(None, description="Key of the students' pseudonyms, 32 characters or more.")
    pseudonym_key_file: Path | None = Field(
        None, description="File with that key; without either, one is made in <home>/pseudonym.key."
    )
    sql_timeout_seconds: float = Field(60.0, gt=0, description="How long a query of `quarterdeck sql` may take.")
    sql_row_limit: int = Field(10_000, ge=1, description="Rows that `quarterdeck sql` gives out without --limit.")

    @property
    def landing(self) -> str:
        """Folder or URL of received files, for `storage.open_storage`."""
        return self.landing_dir or str(self.home / "landing")

    @property
    def pseudonym_key_path(self) -> Path:
        """File of the key for pseudonyms, where the environment does not hold it."""
        return self.pseudonym_key_file or self.home / "pseudonym.key"

    @property
    def site(self) -> Path:
        """Folder of the published pages."""
        return self.site_dir or self.home / "site"

    @property
    def external_site(self) -> Path:
        """Folder of the published external edition."""
        return self.external_site_dir or self.home / "site-external"

    @property
    def disclosure_rules(self) -> Rules:
        """How the external edition protects small numbers."""
        return Rules(minimum_count=self.external_minimum_count, minimum_width=self.external_minimum_width)

    @property
    def dagster_home(self) -> Path:
        """Folder of Dagster's instance file and logs."""
        return self.home / "dagster"


@cache
def get_settings() -> Settings:
    """The process's settings.

    Raises:
        QuarterdeckError: a variable holds something else than its field allows; the value is not repeated,
            since it may be a secret.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        names = ["_".join(str(part) for part in problem["loc"]).upper() for problem in error.errors()]
        problems = "; ".join(
            f"{name if name.startswith(('AWS_', 'VAULT_')) else f'QUARTERDECK_{name}'}: {problem['msg']}"
            for name, problem in zip(names, error.errors(), strict=True)
        )
        raise QuarterdeckError(f"A setting is wrong. {problems}. Mend it in the environment or in .env.") from None
    # Relative paths are relative to where the person stands; child processes may stand elsewhere.
    updates: dict[str, Any] = {
        name: value.absolute() for name, value in settings if isinstance(value, Path) and not value.is_absolute()
    }
    return settings.model_copy(update=updates)
