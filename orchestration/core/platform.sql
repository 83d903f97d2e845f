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

-- What each step's rows of a quarter were made from, as a hash; absent while the step changes them.
create table if not exists platform.quarter_builds (
    domain text not null,
    quarter text not null,
    step text not null,
    fingerprint text not null,
    built_at timestamptz not null,
    primary key (domain, quarter, step)
);

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
