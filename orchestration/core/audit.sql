-- The audit table: a row for each access through the command, in a chain of hashes, and never changed again.
create table if not exists platform.audit_log (
    entry_number bigint primary key,
    recorded_at timestamptz not null,
    os_user text not null,
    host text not null,
    login text not null,
    role text not null,
    command text not null,
    arguments text[] not null,
    row_count bigint,
    outcome text not null,
    previous_hash text not null,
    entry_hash text not null
);

-- Of all columns but entry_hash. The time zone is part of a time's text, so it is fixed.
create or replace function platform.audit_hash(entry platform.audit_log) returns text
language sql stable
set timezone = 'UTC'
as $$
    select encode(sha256(convert_to((to_jsonb(entry) - 'entry_hash')::text, 'UTF8')), 'hex')
$$;

-- The only way to add an entry, for whatever role: number, time, login and hashes are not the caller's to say.
create or replace function platform.record_access(
    os_user text, host text, role text, command text, arguments text[], row_count bigint, outcome text
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    last_entry platform.audit_log;
    entry platform.audit_log;
begin
    lock table platform.audit_log in share row exclusive mode;
    select * into last_entry from platform.audit_log order by entry_number desc limit 1;
    entry := row(
        coalesce(last_entry.entry_number, 0) + 1, clock_timestamp(), os_user, host, session_user, role, command, arguments,
        row_count, outcome, coalesce(last_entry.entry_hash, ''), ''
    );
    entry.entry_hash := platform.audit_hash(entry);
    insert into platform.audit_log values (entry.*);
end
$$;

create or replace function platform.refuse_change() returns trigger
language plpgsql
as $$
begin
    raise exception 'The audit table is append-only: % is refused.', lower(tg_op) using errcode = 'insufficient_privilege';
end
$$;

create or replace trigger audit_log_is_append_only
before update or delete or truncate on platform.audit_log
for each statement execute function platform.refuse_change();
