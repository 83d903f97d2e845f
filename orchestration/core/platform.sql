-- The platform's own tables: what arrived, which file a quarter is made of, that no row was lost, how each stage stands.
create schema if not exists dagster;
create schema if not exists platform;

create table if not exists platform.landing_files (
    source_file_id text primary key,
    domain text not null,
    name text not null,
    sha256 text not null unique,
    bytes bigint not null,
    source text not null check (source in ('kaggle', 'file', 'sample')),
    received_at timestamptz not null
);

-- A quarter is made of one file (part is then empty), or of several, each of which tells a part of it.
create table if not exists platform.quarter_files (
    domain text not null,
    quarter text not null,
    part text not null default '',
    source_file_id text not null references platform.landing_files,
    assigned_at timestamptz not null,
    primary key (domain, quarter, part)
);
alter table platform.quarter_files add column if not exists part text not null default '';
alter table platform.quarter_files drop constraint if exists quarter_files_pkey;
alter table platform.quarter_files add constraint quarter_files_pkey primary key (domain, quarter, part);
comment on table platform.quarter_files is 'Grain: one row a domain, quarter and part. The files that the quarter is made of.';
comment on column platform.quarter_files.assigned_at is 'When the file became the one that the quarter is made of.';

create table if not exists platform.row_accounts (
    domain text not null,
    quarter text not null,
    source_file_id text not null references platform.landing_files,
    rows_read bigint not null,
    rows_trusted bigint not null,
    rows_quarantined bigint not null,
    quarantined_by_reason jsonb not null,
    repeated_rows bigint not null,
    recorded_at timestamptz not null,
    primary key (domain, quarter, source_file_id),
    constraint every_row_is_accounted_for check (rows_read = rows_trusted + rows_quarantined)
);
alter table platform.row_accounts add column if not exists corrected_lines bigint not null default 0;

-- Who decided on which value of a received file. The values are in the file of corrections alone, encrypted, and in the raw tables.
create table if not exists platform.corrections (
    domain text not null,
    quarter text not null,
    source_file_id text not null references platform.landing_files,
    source_line bigint not null,
    column_name text not null,
    correction_file_id text not null references platform.landing_files,
    decided_by text not null,
    why text not null,
    recorded_at timestamptz not null,
    primary key (domain, quarter, source_file_id, source_line, column_name)
);
comment on table platform.corrections is
    'Grain: one row a domain, quarter, file, line and column. A corrected value: by which file of corrections, who decided, and why.';
comment on column platform.corrections.correction_file_id is 'The received file of corrections that holds the value.';
comment on column platform.corrections.decided_by is 'Who decided. Personal data: direct_identifier.';

create table if not exists platform.stage_status (
    domain text not null,
    quarter text not null,
    stage text not null check (stage in ('etl', 'ml', 'publish')),
    status text not null check (status in ('pending', 'running', 'succeeded', 'failed')),
    run_id text,
    started_at timestamptz,
    finished_at timestamptz,
    rows_in bigint,
    rows_out bigint,
    error text,
    primary key (domain, quarter, stage)
);
comment on table platform.stage_status is 'Grain: one row a domain, quarter and stage. How the stage stands, and why it failed.';
comment on column platform.stage_status.stage is 'etl, ml or publish, in this order.';
comment on column platform.stage_status.status is 'pending, running, succeeded or failed.';
comment on column platform.stage_status.run_id is 'The run that worked on it last.';
comment on column platform.stage_status.error is 'Why it failed, in one sentence.';

-- What each step's rows of a quarter were made from, as a hash; absent while the step changes them.
create table if not exists platform.quarter_builds (
    domain text not null,
    quarter text not null,
    step text not null,
    fingerprint text not null,
    built_at timestamptz not null,
    primary key (domain, quarter, step)
);
comment on table platform.quarter_builds is
    'Grain: one row a domain, quarter and step. What the rows were made from; absent while the step changes them.';
comment on column platform.quarter_builds.fingerprint is 'Hash of everything that the rows depend on.';

-- What each received file holds, without any value that could tell one person from another (orchestration/core/profile.py).
create table if not exists platform.file_profiles (
    domain text not null,
    kind text not null,
    quarter text not null,
    source_file_id text not null references platform.landing_files,
    profile jsonb not null,
    profiled_at timestamptz not null,
    primary key (domain, kind, quarter, source_file_id)
);
comment on table platform.file_profiles is
    'Grain: one row a domain, kind of file, quarter and file. What the file holds: types, missing and distinct values, ranges.';
comment on column platform.file_profiles.kind is 'The kind of file; a delivery is compared with the one of its kind before it.';
comment on column platform.file_profiles.profile is 'The profile; it holds no value of a column that may identify a person.';

create table if not exists platform.file_doubts (
    domain text not null,
    quarter text not null,
    source_file_id text not null references platform.landing_files,
    place smallint not null,
    doubt text not null,
    primary key (domain, quarter, source_file_id, place)
);
comment on table platform.file_doubts is
    'Grain: one row a quarter, file and doubt. What a person should look at in a file that was loaded; it opens an alert.';

-- The key that students' pseudonyms are made with: only its id, at most one. The key itself is never in the database.
create table if not exists platform.pseudonym_keys (
    key_id text primary key,
    first_used_at timestamptz not null
);
create unique index if not exists pseudonym_keys_is_one on platform.pseudonym_keys ((true));
comment on table platform.pseudonym_keys is
    'Grain: one row a key, at most one. The id of the key that pseudonyms are made with; the key itself is never here.';

-- What a run needed, a row a step (a Python asset or a dbt build). Cost: estimated with the price list of that day, in its currency.
create table if not exists platform.run_measures (
    run_id text not null,
    step text not null,
    domain text not null,
    quarters text[] not null,
    outcome text not null check (outcome in ('succeeded', 'failed')),
    rows_written bigint not null,
    seconds double precision not null,
    peak_memory_bytes bigint,
    estimated_cost double precision not null,
    recorded_at timestamptz not null,
    primary key (run_id, step)
);
comment on table platform.run_measures is
    'Grain: one row a run and step. What the step wrote and needed, and its estimated cost in the price list''s currency.';

create table if not exists platform.asset_measures (
    run_id text not null,
    asset text not null,
    domain text not null,
    step text not null,
    rows_written bigint,
    seconds double precision not null,
    recorded_at timestamptz not null,
    primary key (run_id, asset)
);
comment on table platform.asset_measures is 'Grain: one row a run and asset. What was written, and how long it took.';

-- Bytes as they were after a run; a dataset is a table with its indexes and partitions, or a folder.
create table if not exists platform.storage_measures (
    run_id text not null,
    domain text not null,
    zone text not null,
    dataset text not null,
    bytes bigint not null,
    estimated_cost_per_month double precision not null,
    recorded_at timestamptz not null,
    primary key (run_id, domain, zone, dataset)
);
comment on table platform.storage_measures is 'Grain: one row a run and dataset. Its bytes after the run, by zone.';

create table if not exists platform.alerts (
    alert_id bigint generated always as identity primary key,
    key text not null,
    kind text not null,
    severity text not null check (severity in ('warning', 'critical')),
    domain text not null,
    of_quarter text,  -- not `quarter`: a quarter that is forgotten must still be able to close its alerts
    message text not null,
    opened_at timestamptz not null,
    closed_at timestamptz
);
comment on table platform.alerts is 'Grain: one row an alert. What was unusual, when it opened and when it closed.';
alter table platform.alerts drop constraint if exists alerts_kind_check;
alter table platform.alerts add constraint alerts_kind_check
check (kind in ('stage', 'budget', 'volume', 'rate', 'shares', 'freshness', 'file'));
create unique index if not exists one_open_alert_a_key on platform.alerts (key) where closed_at is null;

-- What each target was told; a target is its place in QUARTERDECK_ALERT_URLS and the kind of its URL.
create table if not exists platform.alert_messages (
    alert_id bigint not null references platform.alerts on delete cascade,
    event text not null check (event in ('opened', 'closed')),
    target text not null,
    sent_at timestamptz not null,
    primary key (alert_id, event, target)
);
comment on table platform.alert_messages is 'Grain: one row an alert, event and target. What each target was told, and when.';

-- What budgets, metrics and the monitoring page are about.
create or replace view platform.run_totals as
select
    run_id,
    domain,
    quarters,
    bool_and(outcome = 'succeeded') as has_succeeded,
    sum(rows_written)::bigint as rows_written,
    sum(seconds) as seconds,
    max(peak_memory_bytes) as peak_memory_bytes,
    sum(estimated_cost) as estimated_cost,
    max(recorded_at) as recorded_at
from platform.run_measures
group by run_id, domain, quarters;
comment on view platform.run_totals is 'Grain: one row a run and domain. The measures of its steps, summed.';

create or replace view platform.newest_steps as
select distinct on (domain, step) *
from platform.run_measures
order by domain, step, recorded_at desc;
comment on view platform.newest_steps is 'Grain: one row a domain and step. The newest measure of each.';

create or replace view platform.newest_store as
select *
from platform.storage_measures
where run_id = (select run_id from platform.storage_measures order by recorded_at desc limit 1);
comment on view platform.newest_store is 'Grain: one row a dataset. The bytes of the newest measure.';
-- The receipt of each file's way: the zones it has reached for a quarter, in their order, and what promoted it.
create table if not exists platform.promotions (
    domain text not null,
    quarter text not null,
    source_file_id text not null references platform.landing_files,
    zone text not null check (zone in ('landing', 'raw', 'trusted', 'curated', 'product')),
    row_count bigint,
    checks_passed text[] not null,
    promoted_by text not null,
    promoted_at timestamptz not null,
    primary key (domain, quarter, source_file_id, zone)
);
comment on table platform.promotions is
    'Grain: one row a domain, quarter, file and zone. The receipt of the file''s way: what it passed, and who or what promoted it.';
alter table platform.promotions add column if not exists corrected_by text[] not null default '{}';
comment on column platform.promotions.corrected_by is 'Files of corrections that were laid over the file''s rows, from zone trusted on.';
