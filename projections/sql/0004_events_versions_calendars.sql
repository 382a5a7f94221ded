-- Module events by the day on which Kafka took them. Source, subject and entity key are read out of the event where
-- they are asked for: what is not stored twice costs the projector nothing.
create table history_data.events (
    event_id text not null,
    org_id text not null,
    type text not null,
    time timestamptz not null,
    received_at timestamptz not null,
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    event json not null
) partition by range (received_at);

-- A hash: an event's id may be longer than a btree takes.
create index events_by_id on history_data.events using hash (event_id);
create index events_by_type on history_data.events (org_id, type, time);

create function history_data.add_day(day date)
returns void language plpgsql as $$
begin
    perform pg_advisory_xact_lock(122541715030019);
    perform history_data.add_partition(
        'history_data', 'events', to_char(day, 'YYYYMMDD'),
        format('from (%L) to (%L)', day || ' 00:00:00+00', day + 1 || ' 00:00:00+00'), 'toast_tuple_target = 8160');
end $$;

select history_data.add_partition('history_data', 'events', 'past', 'from (minvalue) to (''2000-01-03 00:00:00+00'')',
                                  'toast_tuple_target = 8160');
select history_data.add_partition('history_data', 'events', 'future', 'from (''2200-01-06 00:00:00+00'') to (maxvalue)',
                                  'toast_tuple_target = 8160');

create view history.events as
select e.org_id,
       e.event_id,
       e.event ->> 'source' as source,
       e.type,
       e.event ->> 'subject' as subject,
       e.org_id || '/' || (e.event ->> 'subject') as entity_key,
       e.time,
       e.received_at,
       e.topic,
       e.partition,
       e."offset",
       e.event::jsonb as event
  from history_data.events e;

-- Every version that was ever in force, for the runs that are pinned to it. After a deletion a version may come again
-- with another body, hence the digest in the key.
create table history_data.workflow_versions (
    org_id text not null,
    workflow_id text not null,
    version bigint not null,
    digest text not null,
    state text not null,
    definition jsonb not null,
    published_at timestamptz not null,
    primary key (org_id, workflow_id, version, digest)
);

create view history.workflow_versions as
select org_id, workflow_id, version, digest, state, definition, published_at
  from history_data.workflow_versions;

create table history_data.calendars (
    org_id text not null,
    calendar_id text not null,
    definition jsonb not null,
    updated_at timestamptz not null,
    primary key (org_id, calendar_id)
);

create view history.calendars as
select org_id, calendar_id, definition, updated_at
  from history_data.calendars;
