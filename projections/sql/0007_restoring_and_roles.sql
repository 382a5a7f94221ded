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
