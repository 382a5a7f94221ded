-- What the Hub keeps of its own, and the second lock between organisations: row-level security.
--
-- A connection of the Hub takes the role onestack_hub and names its organisation in the setting onestack.org; then it
-- sees the rows of that organisation and no others, whatever it asks. For everybody else nothing changes: owners and
-- superusers pass row-level security by, and all other roles have a policy that lets them see what they were granted.
create schema hub_data;

create table hub_data.api_keys (
    id text collate "C" primary key,
    org_id text not null,
    name text not null,
    hash bytea not null,
    role text,
    permissions text[] not null,
    created_by text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    revoked_by text
);

create index api_keys_by_org on hub_data.api_keys (org_id, created_at, id);

-- Who did what to what. A row is written before the effect; `outcome` is begun until it is known.
create table hub_data.audit (
    id bigint generated always as identity primary key,
    org_id text not null,
    at timestamptz not null default clock_timestamp(),
    person text not null,
    kind text not null,
    role text,
    key_id text,
    action text not null,
    target text not null,
    details jsonb not null,
    outcome text not null default 'begun',
    problem text,
    finished_at timestamptz
);

create index audit_by_org on hub_data.audit (org_id, id desc);
create index audit_by_target on hub_data.audit (org_id, target, id desc);

-- Answers to writes that came with an Idempotency-Key, for a day. Without a status the first is still at work.
create table hub_data.idempotency (
    org_id text not null,
    caller text not null,
    key text not null,
    request bytea not null,
    begun_at timestamptz not null default now(),
    status integer,
    headers jsonb,
    body bytea,
    primary key (org_id, caller, key)
);

create index idempotency_by_time on hub_data.idempotency (begun_at);

-- Whose a run is, also for what is kept of it elsewhere: null until its first entry came.
alter table history_data.run_keys add column org_id text;

update history_data.run_keys k set org_id = r.org_id from history_data.runs r where r.run_id = k.run_id;

-- The organisation in a key such as acme/device/d-17.
create function history_data.org_of(key text) returns text language sql immutable parallel safe as $$
    select left(split_part(key, '/', 1), 101)
$$;

create index dead_letters_by_org on history_data.dead_letters (history_data.org_of(key), at);

-- Keep one table's organisations apart.
create function hub_data.keep_apart(kept regclass, condition text, privileges text)
returns void language plpgsql as $$
begin
    if not (select relrowsecurity from pg_class where oid = kept) then
        execute format('alter table %s enable row level security', kept);
    end if;
    if not exists (select from pg_policy where polrelid = kept and polname = 'everyone') then
        execute format('create policy everyone on %s using (true) with check (true)', kept);
    end if;
    if not exists (select from pg_policy where polrelid = kept and polname = 'hub') then
        execute format('create policy hub on %s as restrictive to onestack_hub using (%s) with check (%s)',
                       kept, condition, condition);
    end if;
    execute format('grant %s on %s to onestack_hub', privileges, kept);
end $$;

-- Whether this user may take the role onestack_hub.
create function hub_data.may_take_role() returns boolean language plpgsql stable as $$
begin
    -- Since Postgres 16 whoever made a role may grant it, and may not yet take it.
    if current_setting('server_version_num')::integer >= 160000 then
        return pg_has_role('onestack_hub', 'SET');
    end if;
    return pg_has_role('onestack_hub', 'MEMBER');
end $$;

-- See to it that organisations are kept apart; null where they are, else the reason why they can't be. Safe to repeat,
-- and beside others that do the same to other databases of this server, which have the role in common.
create function hub_data.lock() returns text language plpgsql as $$
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
    for one in select unnest(array['runs', 'run_keys', 'workflows', 'workflow_versions', 'calendars', 'events']) as name loop
        perform hub_data.keep_apart(format('history_data.%I', one.name), of_org, 'select');
    end loop;
    for one in select unnest(array['records', 'steps']) as name loop
        perform hub_data.keep_apart(format('history_data.%I', one.name), format(of_run, one.name), 'select');
    end loop;
    perform hub_data.keep_apart('history_data.dead_letters',
                                'history_data.org_of(key) = current_setting(''onestack.org'', true)', 'select');
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
    return null;
end $$;

-- Whether organisations are kept apart in everything that the Hub can ask: null, or what is not as it has to be.
create function hub_data.guard() returns text language plpgsql stable as $$
declare
    found text;
begin
    if to_regrole('onestack_hub') is null then
        return 'there is no role onestack_hub';
    elsif (select rolsuper or rolbypassrls from pg_roles where rolname = 'onestack_hub') then
        return 'the role onestack_hub passes row-level security by';
    elsif not hub_data.may_take_role() then
        return format('%s may not take the role onestack_hub', current_user);
    elsif not has_schema_privilege('onestack_hub', 'hub_data', 'usage') then
        return 'the role onestack_hub may not look into this database';
    end if;
    select string_agg(c.oid::regclass::text, ', ' order by c.oid) into found
      from pg_class c
     where c.relnamespace in ('history'::regnamespace, 'history_data'::regnamespace, 'hub_data'::regnamespace)
       and c.oid <> 'history_data.offsets'::regclass  -- it has nothing of any organisation
       and c.relkind in ('r', 'p', 'v', 'm', 'f')
       and has_any_column_privilege('onestack_hub', c.oid, 'select, insert, update')
       and not case when c.relkind = 'v' then coalesce('security_invoker=true' = any(c.reloptions), false)
                    else c.relrowsecurity
                         and exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'hub'
                                        and not p.polpermissive) end;
    return found || ' does not keep organisations apart';
end $$;

-- Views ask in the name of whoever reads them from here on: who was granted a view is granted what it reads.
do $$
declare
    one record;
begin
    for one in select distinct case when a.grantee = 0 then 'public' else quote_ident(r.rolname) end as who
                 from pg_class c
                cross join lateral aclexplode(c.relacl) a
                 left join pg_roles r on r.oid = a.grantee
                where c.relnamespace = 'history'::regnamespace and c.relkind = 'v'
                  and a.privilege_type = 'SELECT' and a.grantee <> c.relowner loop
        execute format('grant usage on schema history_data to %s', one.who);
        execute format('grant select on all tables in schema history_data to %s', one.who);
    end loop;
end $$;

-- Where the role can't be made the Hub says so, and does not work; all else does.
select hub_data.lock();
