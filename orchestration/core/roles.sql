-- The database roles and what each may do, by schema: the one place where this is said, but for the marts, whose readers
-- are in `+grants` of dbt_project.yml. docs/roles.md has the table.
--
-- Run by Quarterdeck whenever it, platform.sql or the list of domains has changed; safe to repeat. The roles are named after
-- the database, so that several Quarterdecks can share a server. It needs two settings: quarterdeck.domains, a list with
-- commas, and quarterdeck.role_attribute: login where a process logs in as its role, nologin where it becomes it.

do $$
declare
    prefix constant text := current_database() || '_';
    loader constant text := prefix || 'loader';
    transformer constant text := prefix || 'transformer';
    analyst constant text := prefix || 'analyst';
    publisher constant text := prefix || 'publisher';
    auditor constant text := prefix || 'auditor';
    every_role constant text[] := array[loader, transformer, analyst, publisher, auditor];
    every_role_quoted constant text := (select string_agg(quote_ident(name), ', ') from unnest(every_role) as name);
    role_name text;
    domain text;
    layer text;
    schema_name text;
    owner text;
    relation record;
begin
    foreach role_name in array every_role loop
        if not exists (select from pg_roles where rolname = role_name) then
            execute format('create role %I %s', role_name, current_setting('quarterdeck.role_attribute'));
        end if;
        -- Who runs Quarterdeck acts as each of them in turn; since Postgres 16, who makes a role may only hand it on.
        if not pg_has_role(current_user, role_name, 'usage') then
            execute format('grant %I to current_user', role_name);
        end if;
    end loop;

    -- The platform's books are kept by the login that runs Quarterdeck. Those who work with data read them; analysts do not.
    execute format('revoke all on all tables in schema platform from %s', every_role_quoted);
    execute format('grant usage on schema platform to %s', every_role_quoted);
    execute format('grant select on all tables in schema platform to %I, %I, %I, %I', loader, transformer, publisher, auditor);
    execute format('revoke all on platform.audit_log from %I, %I, %I', loader, transformer, publisher);
    -- Whoever works leaves an entry in the audit table; nobody but the auditor reads one.
    revoke all on all functions in schema platform from public;
    execute format('grant execute on function platform.record_access to %s', every_role_quoted);
    -- Writers ask at the end of a transaction whether their quarter is still theirs.
    execute format('grant execute on function platform.require_lease to %I, %I', loader, transformer);
    execute format('grant execute on function platform.audit_hash to %I', auditor);

    foreach domain in array string_to_array(current_setting('quarterdeck.domains'), ',') loop
        foreach layer in array array['raw', 'staging', 'marts', 'ml'] loop
            schema_name := domain || '_' || layer;
            owner := case layer when 'raw' then loader else transformer end;
            execute format('create schema if not exists %I', schema_name);
            execute format('revoke all on schema %I from %s', schema_name, every_role_quoted);
            execute format('grant usage, create on schema %I to %I', schema_name, owner);
            for relation in
                select relname from pg_class
                where
                    relnamespace = to_regnamespace(quote_ident(schema_name))
                    and relkind in ('r', 'p', 'v') and pg_get_userbyid(relowner) <> owner
            loop
                execute format('alter table %I.%I owner to %I', schema_name, relation.relname, owner);
            end loop;
        end loop;

        schema_name := domain || '_raw';
        execute format('grant usage on schema %I to %I', schema_name, transformer);
        execute format('grant select on all tables in schema %I to %I', schema_name, transformer);
        foreach role_name in array array[loader, current_user::text] loop
            execute format(
                'alter default privileges for role %I in schema %I grant select on tables to %I',
                role_name, schema_name, transformer
            );
        end loop;

        schema_name := domain || '_ml';
        execute format('grant usage on schema %I to %I', schema_name, analyst);
        execute format('grant select on all tables in schema %I to %I', schema_name, analyst);
        foreach role_name in array array[transformer, current_user::text] loop
            execute format(
                'alter default privileges for role %I in schema %I grant select on tables to %I, %I',
                role_name, schema_name, analyst, transformer
            );
        end loop;

        execute format('grant usage on schema %I to %I, %I', domain || '_marts', analyst, publisher);
    end loop;

    -- Prices, budgets and rules for anomalies: the platform's seeds, which dbt loads and people ask.
    create schema if not exists platform_staging;
    execute format('revoke all on schema platform_staging from %s', every_role_quoted);
    execute format('grant usage, create on schema platform_staging to %I', transformer);
    execute format('grant usage on schema platform_staging to %I, %I', analyst, auditor);
    execute format(
        'alter default privileges for role %I in schema platform_staging grant select on tables to %I, %I',
        transformer, analyst, auditor
    );
end
$$;
