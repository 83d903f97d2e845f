-- Who works on a quarter. A run takes the lease before its first stage reads anything, and a token with it that no run had before;
-- whatever it then writes is refused once another run holds a newer token (orchestration/core/leases.py).
create table if not exists platform.stage_leases (
    domain text not null,
    quarter text not null,
    token bigint not null,
    run_id text not null,
    started_by text not null,
    host text not null,
    process_id integer not null,
    sessions text not null,
    taken_at timestamptz not null,
    renewed_at timestamptz not null,
    expires_at timestamptz not null,
    released_at timestamptz,
    primary key (domain, quarter),
    -- Makes the token a part of a key: taking over then waits for transactions that have asked for the old one, and renewing does not.
    unique (token, domain, quarter)
);
create sequence if not exists platform.lease_tokens;
comment on table platform.stage_leases is 'Grain: one row a domain and quarter. The run that works on its stages, or did so last.';
comment on column platform.stage_leases.token is 'Grows with every lease; a run whose token was replaced can write nothing more.';
comment on column platform.stage_leases.started_by is 'What started the run, in words.';
comment on column platform.stage_leases.sessions is 'Ends the application_name of all sessions of the run''s process.';
comment on column platform.stage_leases.renewed_at is 'The run''s last sign of life.';
comment on column platform.stage_leases.expires_at is 'From then on, another run may take the quarter over.';
comment on column platform.stage_leases.released_at is 'When the run let go of it; empty while it works, and when it was killed.';

-- Raises unless the token holds that many quarters still; then nobody can take one over before the transaction ends.
-- With its owner's rights, since loader and transformer may lock no row of the platform's books.
create or replace function platform.require_lease(own_token bigint, own_quarters integer) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    held integer;
begin
    perform from platform.stage_leases where token = own_token for key share;
    get diagnostics held = row_count;
    if held <> own_quarters then
        raise exception 'This run gave no sign of life for so long that another one has taken its quarter over. It has written nothing since and stops here; `quarterdeck status` shows the other.'
            using errcode = 'QD001';
    end if;
end
$$;

-- Ends the runs whose leases have run out, for whoever waits for a lock of theirs: their sessions, which hold it, and their right to write.
create or replace function platform.end_silent_runs() returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform pg_terminate_backend(pid)
    from pg_stat_activity
    inner join platform.stage_leases on application_name like '%' || sessions
    where released_at is null and expires_at < clock_timestamp()
        and current_setting('application_name') not like '%' || sessions;
    update platform.stage_leases set token = nextval('platform.lease_tokens')
    where released_at is null and expires_at < clock_timestamp()
        and current_setting('application_name') not like '%' || sessions;
end
$$;

create or replace view platform.stage_states as
select
    stage_status.*,
    case when
        stage_status.status = 'running'
        and (
            stage_leases.token is null or stage_leases.released_at is not null
            or stage_leases.run_id <> stage_status.run_id or stage_leases.expires_at < clock_timestamp()
        )
    then
        coalesce(case when stage_leases.run_id = stage_status.run_id then stage_leases.renewed_at end, stage_status.started_at)
    end as no_sign_of_life_since
from platform.stage_status
left join platform.stage_leases using (domain, quarter);
comment on view platform.stage_states is
    'Grain: one row a domain, quarter and stage. How the stage stands, and since when a running one has shown no sign of life.';
