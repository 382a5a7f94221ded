-- What lets a lost log, or a lost definitions topic, be noticed and told.

-- One record of each partition that was folded: another one in its place says that the log is another one.
create table history_data.marks (
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    told bytea not null,
    primary key (topic, partition)
);

-- When a topic was found to have been made anew: before `since` nothing that it holds was written.
create table history_data.lost_logs (
    topic text primary key,
    since timestamptz not null,
    found_at timestamptz not null default now()
);

-- Definitions that their topic no longer has although nothing there deleted them.
create table history_data.lost_definitions (
    org_id text not null,
    kind text not null,
    id text not null,
    definition jsonb not null,
    updated_at timestamptz not null,
    lost_at timestamptz not null default now(),
    primary key (org_id, kind, id)
);

create view history.lost_definitions as
select org_id, kind, id, definition, updated_at, lost_at
  from history_data.lost_definitions;

-- Runs that were under way when the log was lost, and in which nothing happened since: their commands and timers went
-- with it, so they don't go on by themselves.
create view history.stranded_runs as
select r.org_id, r.run_id, r.workflow_id, r.status, r.entity_key, r.started_at, l.since as lost_at
  from history_data.lost_logs l
 cross join history_data.runs r
 where l.topic = 'onestack.workflow.runs'
   and r.status in ('running', 'waiting')
   and r.started_at < l.since
   and (select (c.entries::jsonb -> -1 ->> 'time')::timestamptz
          from history_data.records c
         where c.run_id = r.run_id and c.week = history_data.week_of(r.started_at)
         order by c.seq desc limit 1) < l.since;

-- Who may do what, where not one user does it all: `onestack migrate --roles` makes these roles.
--   onestack_owner        owns all of it: migrations and rebuilds
--   onestack_projector    writes the tables of the history, and nothing else
--   onestack_hub_service  what the Hub does in no organisation's name; may become onestack_hub, which sees one's rows
--   onestack_reporting    reads the views of one organisation: that of the user who logged in
-- Where they are not made, nothing changes.

-- Whoever writes the history needs tables of new weeks and days, and no other right to make or drop one: these do it in
-- their owner's name.
create or replace function history_data.add_partition(place text, parent text, named text, bounds text, storage text)
returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if to_regclass(format('%I.%I', place, parent || '_' || named)) is null then
        execute format('create table %I.%I (like %I.%I including defaults) with (%s)',
                       place, parent || '_' || named, place, parent, storage);
        execute format('alter table %I.%I attach partition %I.%I for values %s',
                       place, parent, place, parent || '_' || named, bounds);
        if to_regrole('onestack_projector') is not null then
            execute format('grant select, insert, update, delete on %I.%I to onestack_projector',
                           place, parent || '_' || named);
        end if;
    end if;
end $$;

alter function history_data.add_partitions(text, text, integer, text) security definer;
alter function history_data.add_partitions(text, text, integer, text) set search_path = pg_catalog, pg_temp;
alter function history_data.add_week(text, date) security definer;
alter function history_data.add_week(text, date) set search_path = pg_catalog, pg_temp;
alter function history_data.add_day(date) security definer;
alter function history_data.add_day(date) set search_path = pg_catalog, pg_temp;

-- Drop tables of weeks and days; of any other name none.
create function history_data.drop_partitions(names text[])
returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    one text;
begin
    foreach one in array names loop
        if one !~ '^(records|runs|steps|events)_[0-9]{8}$' then
            raise exception '% is no table of a week or a day', one using errcode = 'insufficient_privilege';
        end if;
        execute format('drop table history_data.%I', one);
    end loop;
end $$;

revoke execute on function
    history_data.add_partition(text, text, text, text, text), history_data.add_partitions(text, text, integer, text),
    history_data.add_week(text, date), history_data.add_day(date), history_data.drop_partitions(text[]),
    history_data.add_ends(text), hub_data.keep_apart(regclass, text, text)
  from public;

-- Whose rows a reporting user sees. Not a setting, which the user could change, but who logged in.
create table hub_data.reporting_users (
    name name primary key,
    org_id text not null,
    added_at timestamptz not null default now()
);

create function hub_data.reporting_org() returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select u.org_id from hub_data.reporting_users u where u.name = session_user
$$;

-- As before, and the same for reporting users in the tables of the history.
create or replace function hub_data.keep_apart(kept regclass, condition text, privileges text)
returns void language plpgsql as $$
declare
    of_reporting text := replace(condition, 'current_setting(''onestack.org'', true)', '(select hub_data.reporting_org())');
begin
    if not (select relrowsecurity from pg_class where oid = kept) then
        execute format('alter table %s enable row level security', kept);
    end if;
    if not exists (select from pg_policy where polrelid = kept and polname = 'everyone') then
        execute format('create policy everyone on %s using (true) with check (true)', kept);
    end if;
    if to_regrole('onestack_hub') is not null then
        if not exists (select from pg_policy where polrelid = kept and polname = 'hub') then
            execute format('create policy hub on %s as restrictive to onestack_hub using (%s) with check (%s)',
                           kept, condition, condition);
        end if;
        execute format('grant %s on %s to onestack_hub', privileges, kept);
    end if;
    if to_regrole('onestack_reporting') is not null
       and (select relnamespace from pg_class where oid = kept) = 'history_data'::regnamespace then
        if not exists (select from pg_policy where polrelid = kept and polname = 'reporting') then
            execute format('create policy reporting on %s as restrictive to onestack_reporting using (%s) with check (false)',
                           kept, of_reporting);
        end if;
        execute format('grant select on %s to onestack_reporting', kept);
    end if;
end $$;

-- As before, with the tables and roles of this migration.
create or replace function hub_data.lock() returns text language plpgsql as $$
declare
    one record;
    of_org constant text := 'org_id = current_setting(''onestack.org'', true)';
    -- Not by history_data.runs: it has a table for each week, and a plan with all of them costs more than the query.
    of_run constant text := 'exists (select from history_data.run_keys k where k.run_id = %s.run_id)';
begin
    if to_regrole('onestack_hub') is null then
        begin
            create role onestack_hub nologin;
        exception
            when duplicate_object or unique_violation then null;
            when insufficient_privilege then
                return format('there is no role onestack_hub, and %s may not make it', current_user);
        end;
    end if;
    for attempt in 1 .. 20 loop
        exit when hub_data.may_take_role();
        begin
            grant onestack_hub to current_user;
        exception
            when insufficient_privilege then exit;
            -- "tuple concurrently updated": somebody else grants it at this moment.
            when unique_violation or internal_error then perform pg_sleep(0.05);
        end;
    end loop;
    if not hub_data.may_take_role() then
        return format('%s may not take the role onestack_hub', current_user);
    end if;

    grant usage on schema history, history_data, hub_data to onestack_hub;
    for one in select unnest(array['runs', 'run_keys', 'workflows', 'workflow_versions', 'calendars', 'events',
                                   'lost_definitions']) as name loop
        perform hub_data.keep_apart(format('history_data.%I', one.name), of_org, 'select');
    end loop;
    for one in select unnest(array['records', 'steps']) as name loop
        perform hub_data.keep_apart(format('history_data.%I', one.name), format(of_run, one.name), 'select');
    end loop;
    perform hub_data.keep_apart('history_data.dead_letters',
                                'history_data.org_of(key) = current_setting(''onestack.org'', true)', 'select');
    -- It has nothing of any organisation.
    perform hub_data.keep_apart('history_data.lost_logs', 'true', 'select');
    grant select on history_data.offsets to onestack_hub;
    perform hub_data.keep_apart('hub_data.api_keys', of_org,
        'select (id, org_id, name, role, permissions, created_by, created_at, expires_at, last_used_at, revoked_at, '
        'revoked_by), insert, update (revoked_at, revoked_by)');
    perform hub_data.keep_apart('hub_data.audit', of_org,
                                'select, insert, update (outcome, problem, details, finished_at)');
    perform hub_data.keep_apart('hub_data.idempotency', of_org, 'select, insert, update, delete');

    -- A view of its owner's would show everybody's rows.
    for one in select c.oid::regclass as name from pg_class c
                where c.relnamespace = 'history'::regnamespace and c.relkind = 'v' loop
        if not exists (select from pg_class where oid = one.name and 'security_invoker=true' = any(reloptions)) then
            execute format('alter view %s set (security_invoker = true)', one.name);
        end if;
        execute format('grant select on %s to onestack_hub', one.name);
    end loop;
    perform hub_data.grant_roles();
    return null;
end $$;

-- What the roles may, in all that is there now. Does nothing for those that were not made.
create function hub_data.grant_roles() returns void language plpgsql as $$
declare
    one record;
begin
    if to_regrole('onestack_projector') is not null then
        grant usage on schema history, history_data to onestack_projector;
        grant select, insert, update, delete on all tables in schema history_data to onestack_projector;
        revoke insert, update, delete on history_data.migrations from onestack_projector;
        grant select on all tables in schema history to onestack_projector;
        grant execute on function history_data.add_week(text, date), history_data.add_day(date),
              history_data.drop_partitions(text[]) to onestack_projector;
    end if;
    if to_regrole('onestack_hub_service') is not null then
        grant usage on schema history, history_data, hub_data to onestack_hub_service;
        grant select on history_data.migrations, history_data.offsets to onestack_hub_service;
        grant select (org_id) on history_data.runs, history_data.workflows to onestack_hub_service;
        grant select, update (last_used_at) on hub_data.api_keys to onestack_hub_service;
        grant select (ctid, begun_at), delete on hub_data.idempotency to onestack_hub_service;
    end if;
    if to_regrole('onestack_reporting') is not null then
        grant usage on schema history to onestack_reporting;
        -- Tables that were kept apart before there was this role: by the same condition, but for whose rows they are.
        for one in select c.oid::regclass as name, x.condition
                     from pg_policy p join pg_class c on c.oid = p.polrelid
                    cross join lateral (select replace(pg_get_expr(p.polqual, p.polrelid),
                                                       'current_setting(''onestack.org''::text, true)',
                                                       '(select hub_data.reporting_org())') as condition) x
                    where p.polname = 'hub' and c.relnamespace = 'history_data'::regnamespace
                      and not exists (select from pg_policy o where o.polrelid = c.oid and o.polname = 'reporting')
                      -- Whoever can say `set` could choose.
                      and x.condition !~ 'current_setting' loop
            execute format('create policy reporting on %s as restrictive to onestack_reporting using (%s) with check (false)',
                           one.name, one.condition);
            execute format('grant select on %s to onestack_reporting', one.name);
        end loop;
        for one in select c.oid::regclass as name from pg_class c
                    where c.relnamespace = 'history'::regnamespace and c.relkind = 'v' loop
            execute format('grant select on %s to onestack_reporting', one.name);
        end loop;
    end if;
end $$;

-- Make the roles, give onestack_owner all that is there, and close what Postgres leaves open to everybody. Takes a
-- superuser, or whoever owns this database and may make roles. Safe to repeat.
create function hub_data.make_roles() returns void language plpgsql as $$
declare
    one record;
begin
    for one in select * from (values ('onestack_owner', ''), ('onestack_projector', ''), ('onestack_hub', ''),
                                     ('onestack_hub_service', ' noinherit'), ('onestack_reporting', '')) r (name, more) loop
        if to_regrole(one.name) is null then
            begin
                execute format('create role %I nologin%s', one.name, one.more);
            exception when duplicate_object or unique_violation then null;
            end;
        end if;
    end loop;
    grant onestack_hub to onestack_hub_service, onestack_owner;
    if current_user <> 'onestack_owner' and not pg_has_role(current_user, 'onestack_owner', 'member') then
        execute format('grant onestack_owner to %I', current_user);
    end if;
    perform hub_data.lock();
    execute format('grant create on database %I to onestack_owner', current_database());
    for one in select n.nspname from pg_namespace n where n.nspname in ('history', 'history_data', 'hub_data') loop
        execute format('alter schema %I owner to onestack_owner', one.nspname);
    end loop;
    for one in select c.oid::regclass as name, case c.relkind when 'v' then 'view' else 'table' end as kind
                 from pg_class c join pg_namespace n on n.oid = c.relnamespace
                where n.nspname in ('history', 'history_data', 'hub_data') and c.relkind in ('r', 'p', 'v')
                  and c.relowner <> 'onestack_owner'::regrole loop
        execute format('alter %s %s owner to onestack_owner', one.kind, one.name);
    end loop;
    for one in select p.oid::regprocedure as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                where n.nspname in ('history_data', 'hub_data') and p.proowner <> 'onestack_owner'::regrole loop
        execute format('alter function %s owner to onestack_owner', one.name);
    end loop;
    execute format('revoke temporary on database %I from public', current_database());
    revoke create on schema public from public;
    begin
        -- Whoever may connect could store large objects, whatever else they may.
        revoke execute on function pg_catalog.lo_create(oid), pg_catalog.lo_creat(integer),
               pg_catalog.lo_from_bytea(oid, bytea), pg_catalog.lo_unlink(oid) from public;
    exception when insufficient_privilege then
        raise warning 'only a superuser can keep reporting users from storing large objects';
    end;
end $$;

-- Null where every relation that reporting users can read keeps organisations apart, else what does not.
create function hub_data.reporting_guard() returns text language sql stable as $$
    select string_agg(c.oid::regclass::text, ', ' order by c.oid) || ' does not keep organisations apart'
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('history', 'history_data', 'hub_data') and c.relkind in ('r', 'p', 'v', 'm', 'f')
       and has_any_column_privilege('onestack_reporting', c.oid, 'select, insert, update, references')
       and not case when c.relkind = 'v' then coalesce('security_invoker=true' = any(c.reloptions), false)
                    else c.relrowsecurity
                         and exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'reporting'
                                        and not p.polpermissive) end
$$;

-- A login that reads the views of one organisation. `verifier` is its password as Postgres keeps it.
create function hub_data.add_reporting_user(wanted name, org text, verifier text) returns void language plpgsql as $$
declare
    reason text;
begin
    if wanted !~ '^[a-z][a-z0-9_]{0,62}$' or wanted ~ '^(pg|onestack)_' then
        raise exception '% is no name for a reporting user: small letters, digits and _', wanted;
    end if;
    perform hub_data.lock();
    reason := hub_data.reporting_guard();
    if reason is not null then
        raise exception '%', reason;
    end if;
    execute format('create role %I login nosuperuser nocreatedb nocreaterole noreplication nobypassrls '
                   'connection limit 5 password %L in role onestack_reporting', wanted, verifier);
    execute format('alter role %I set default_transaction_read_only = on', wanted);
    execute format('alter role %I set statement_timeout = ''30s''', wanted);
    execute format('alter role %I set idle_in_transaction_session_timeout = ''60s''', wanted);
    execute format('alter role %I set search_path = history', wanted);
    insert into hub_data.reporting_users (name, org_id) values (wanted, org);
end $$;

-- End its sessions and remove it. Raises where it is no reporting user of this database.
create function hub_data.remove_reporting_user(gone name) returns void language plpgsql as $$
begin
    delete from hub_data.reporting_users u where u.name = gone;
    if not found then
        raise exception '% is no reporting user of this database', gone;
    end if;
    execute format('alter role %I nologin', gone);
    perform pg_terminate_backend(pid) from pg_stat_activity where usename = gone;
    execute format('drop role %I', gone);
end $$;

revoke execute on function
    hub_data.make_roles(), hub_data.grant_roles(), hub_data.add_reporting_user(name, text, text),
    hub_data.remove_reporting_user(name)
  from public;

select hub_data.lock();
