-- The login of Quarterdeck and the roles that it works as, made when the database server first starts, by its superuser, who
-- is used for nothing else and whose password no other container has. The login may create schemas in its own database and
-- act as the five roles; it may make no role, and no other database. What each role may do is in orchestration/core/roles.sql.
-- Safe to repeat: docs/deploy.md.
\set ON_ERROR_STOP on
\set password `cat /run/secrets/database_password`
select 'create role quarterdeck' where to_regrole('quarterdeck') is null \gexec
alter role quarterdeck login nosuperuser nocreatedb nocreaterole noreplication nobypassrls password :'password';
select format('create role %I nologin', name)
from
    unnest(array[
        'quarterdeck_loader', 'quarterdeck_transformer', 'quarterdeck_analyst', 'quarterdeck_publisher', 'quarterdeck_auditor'
    ]) as name
where to_regrole(name) is null \gexec
grant quarterdeck_loader, quarterdeck_transformer, quarterdeck_analyst, quarterdeck_publisher, quarterdeck_auditor
to quarterdeck;
-- Of the server's own encoding and order nothing is assumed.
select $$create database quarterdeck owner quarterdeck encoding 'UTF8' locale 'C.UTF-8' template template0$$
where not exists (select from pg_database where datname = 'quarterdeck') \gexec
revoke all on database quarterdeck from public;
revoke connect on database postgres from public;
