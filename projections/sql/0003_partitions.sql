-- Runs, steps and records by the week in which the run began, so that old data goes by dropping tables: the week of its
-- first entry. Runs have that entry's time, the others the number of the week, which costs the projector nothing.
--
-- What every projector does at every batch must not pay for the number of weeks: it writes straight into the week's
-- own tables (projections/periods.py names them), and finds the week of a run that it has forgotten in `run_keys`.
-- That table also keeps a run's id unique over all weeks, which the partitions' keys can't.
create schema history_before;

-- The number of the week, counted from 2000-01-03; -1 is all that was before, 10436 what is after 2200-01-05.
create function history_data.week_of(at timestamptz) returns integer language sql immutable parallel safe as $$
    select greatest(-1, least(10436, floor((extract(epoch from at) - 946857600) / 604800)))::integer
$$;

alter table history_data.records set schema history_before;
alter table history_data.runs set schema history_before;
alter table history_data.steps set schema history_before;

create table history_data.run_keys (
    run_id text collate "C" primary key,
    week integer not null
);

create table history_data.records (
    run_id text collate "C" not null,
    seq integer not null,
    entries json not null,
    week integer not null,
    primary key (run_id, seq, week)
) partition by list (week);

create table history_data.runs (
    run_id text collate "C" not null,
    org_id text not null,
    workflow_id text not null,
    workflow_name text,
    workflow_version bigint,
    status text not null,
    trigger_type text,
    entity_key text not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    error text,
    causation_chain text[] not null,
    event_seq integer not null,
    primary key (run_id, started_at)
) partition by range (started_at);

create index runs_by_org on history_data.runs (org_id, started_at);
create index runs_by_workflow on history_data.runs (workflow_id, started_at);
create index runs_by_time on history_data.runs (started_at);
create index runs_by_status on history_data.runs (status, started_at) where status <> 'completed';
create index runs_by_entity on history_data.runs using hash (entity_key);

create table history_data.steps (
    run_id text collate "C" not null,
    position integer not null,
    step_id text not null,
    action text not null,
    status text not null,
    attempts integer not null,
    input_seq integer,
    output_seq integer,
    error_seq integer,
    started_at timestamptz not null,
    finished_at timestamptz,
    week integer not null,
    primary key (run_id, position, week)
) partition by list (week);

-- One partition of one table. Made beside the table and then attached, which locks out neither readers nor writers.
create function history_data.add_partition(place text, parent text, named text, bounds text, storage text)
returns void language plpgsql as $$
begin
    if to_regclass(format('%I.%I', place, parent || '_' || named)) is null then
        execute format('create %s table %I.%I (like %I.%I including defaults) with (%s)',
                       case when place = 'history_data' then '' else 'unlogged' end,
                       place, parent || '_' || named, place, parent, storage);
        execute format('alter table %I.%I attach partition %I.%I for values %s',
                       place, parent, place, parent || '_' || named, bounds);
    end if;
end $$;

create function history_data.add_partitions(place text, named text, week integer, bounds text)
returns void language plpgsql as $$
declare
    that_week text := format('in (%s)', week);
begin
    perform pg_advisory_xact_lock(122541715030019);
    -- Compressing what is a little over 2 kB costs more than the room it takes.
    perform history_data.add_partition(place, 'records', named, that_week, 'toast_tuple_target = 8160');
    perform history_data.add_partition(place, 'runs', named, bounds, 'fillfactor = 85');
    perform history_data.add_partition(place, 'steps', named, that_week, 'fillfactor = 85');
end $$;

-- The tables of the week that begins on this Monday (in UTC), where they are missing.
create function history_data.add_week(place text, monday date)
returns void language sql as $$
    select history_data.add_partitions(
        place, to_char(monday, 'YYYYMMDD'), (monday - date '2000-01-03') / 7,
        format('from (%L) to (%L)', monday || ' 00:00:00+00', monday + 7 || ' 00:00:00+00'));
$$;

-- What is before and after all weeks: no time may be one for which there is no table.
create function history_data.add_ends(place text)
returns void language sql as $$
    select history_data.add_partitions(place, 'past', -1, 'from (minvalue) to (''2000-01-03 00:00:00+00'')');
    select history_data.add_partitions(place, 'future', 10436, 'from (''2200-01-06 00:00:00+00'') to (maxvalue)');
$$;

select history_data.add_ends('history_data');

-- What is there already. A run whose first entry never came has records alone: the first of them says when it began.
insert into history_data.run_keys
select run_id, history_data.week_of(started_at) from history_before.runs
 union all
(select distinct on (c.run_id) c.run_id, history_data.week_of((c.entries::jsonb -> 0 ->> 'time')::timestamptz)
   from history_before.records c
  where not exists (select from history_before.runs r where r.run_id = c.run_id)
  order by c.run_id, c.seq);

select history_data.add_week('history_data', date '2000-01-03' + 7 * week)
  from (select distinct week from history_data.run_keys where week between 0 and 10435) w;

insert into history_data.runs
       (run_id, org_id, workflow_id, workflow_name, workflow_version, status, trigger_type, entity_key, started_at,
        finished_at, error, causation_chain, event_seq)
select run_id, org_id, workflow_id, workflow_name, workflow_version, status, trigger_type, entity_key, started_at,
       finished_at, error, causation_chain, event_seq
  from history_before.runs;

insert into history_data.steps
       (run_id, position, step_id, action, status, attempts, input_seq, output_seq, error_seq, started_at, finished_at,
        week)
select s.run_id, s.position, s.step_id, s.action, s.status, s.attempts, s.input_seq, s.output_seq, s.error_seq,
       s.started_at, s.finished_at, k.week
  from history_before.steps s join history_data.run_keys k on k.run_id = s.run_id;

insert into history_data.records (run_id, seq, entries, week)
select c.run_id, c.seq, c.entries, k.week
  from history_before.records c join history_data.run_keys k on k.run_id = c.run_id;

-- The views as they were, but that they say in which week a run's parts are.
create or replace view history.runs as
select r.run_id,
       r.org_id,
       r.workflow_id,
       r.workflow_name,
       r.workflow_version,
       r.status,
       r.trigger_type,
       r.entity_key,
       (select c.entries::jsonb -> (r.event_seq - c.seq) -> 'data' -> 'event'
          from history_data.records c
         where c.run_id = r.run_id and c.week = history_data.week_of(r.started_at) and c.seq <= r.event_seq
         order by c.seq desc limit 1) as trigger_event,
       (select nullif(c.entries::jsonb -> 0 -> 'data' -> 'conditions', 'null')
          from history_data.records c
         where c.run_id = r.run_id and c.week = history_data.week_of(r.started_at) and c.seq = 0) as conditions,
       r.started_at,
       r.finished_at,
       (extract(epoch from r.finished_at - r.started_at) * 1000)::double precision as duration_ms,
       r.error,
       r.causation_chain
  from history_data.runs r;

create or replace view history.steps as
select s.run_id,
       s.position,
       s.step_id,
       s.action,
       s.status,
       s.attempts,
       (select nullif(coalesce(c.entries::jsonb -> (s.input_seq - c.seq) -> 'data' -> 'input',
                               c.entries::jsonb -> (s.input_seq - c.seq) -> 'data' -> 'conditions'), 'null')
          from history_data.records c
         where c.run_id = s.run_id and c.week = s.week and c.seq <= s.input_seq
         order by c.seq desc limit 1) as input,
       (select case when s.action = 'condition'
                    then jsonb_build_object('result', c.entries::jsonb -> (s.output_seq - c.seq) -> 'data' -> 'result')
                    else nullif(c.entries::jsonb -> (s.output_seq - c.seq) -> 'data' -> 'output', 'null') end
          from history_data.records c
         where c.run_id = s.run_id and c.week = s.week and c.seq <= s.output_seq
         order by c.seq desc limit 1) as output,
       (select nullif(c.entries::jsonb -> (s.error_seq - c.seq) -> 'data' -> 'error', 'null')
          from history_data.records c
         where c.run_id = s.run_id and c.week = s.week and c.seq <= s.error_seq
         order by c.seq desc limit 1) as error,
       s.started_at,
       s.finished_at,
       (extract(epoch from s.finished_at - s.started_at) * 1000)::double precision as duration_ms
  from history_data.steps s;

create or replace view history.entries as
select c.run_id,
       (c.seq + e.number - 1)::integer as seq,
       e.entry ->> 'type' as type,
       (e.entry ->> 'time')::timestamptz as at,
       e.entry -> 'data' as data
  from history_data.records c
 cross join lateral jsonb_array_elements(c.entries::jsonb) with ordinality as e (entry, number);

-- What else is known of a run, told by its first entry and its last.
create view history.run_details as
select r.run_id,
       r.org_id,
       coalesce((last.entry -> 'data' ->> 'generation')::integer, 0) as generation,
       first.entry -> 'data' ->> 'rerun_of' as rerun_of,
       coalesce((first.entry -> 'data' ->> 'shadow')::boolean, false) as shadow,
       first.entry -> 'data' ->> 'guard' as guard,
       case when r.status = 'waiting' and last.entry ->> 'type' = 'run.waiting'
            then (last.entry -> 'data' ->> 'until')::timestamptz end as waits_until
  from history_data.runs r
  left join lateral (select c.entries::jsonb -> 0 as entry
                       from history_data.records c
                      where c.run_id = r.run_id and c.week = history_data.week_of(r.started_at) and c.seq = 0) first on true
  left join lateral (select c.entries::jsonb -> -1 as entry
                       from history_data.records c
                      where c.run_id = r.run_id and c.week = history_data.week_of(r.started_at)
                      order by c.seq desc limit 1) last on true;

drop schema history_before cascade;
