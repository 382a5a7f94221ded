-- What the Hub's lists ask for, each by an index that has its rows in the order in which they are shown.
--
-- Lists show runs, or what was filtered out, never both by default; where most events are filtered, an index of all
-- runs would be read past thousands of the other kind for one page. So each index of an organisation's runs, of a
-- workflow's and of a trigger's is two, one a kind: a run stands in one of them, which costs the projector what one
-- index did. Statuses that few runs have, and that people look for, have an index of their own beside them.
-- A list's order is (started_at desc, run_id); the few runs of one moment are sorted as they are read.
alter table history_data.runs
    add column entity_name text,
    -- The run whose action caused the event; the run that this one repeats; the guard that suppressed it.
    add column caused_by text collate "C",
    add column rerun_of text collate "C",
    add column guard text;

drop index history_data.runs_by_org;
drop index history_data.runs_by_workflow;
drop index history_data.runs_by_status;

create index runs_of_org on history_data.runs (org_id, started_at)
    where status not in ('skipped', 'suppressed');
create index filtered_of_org on history_data.runs (org_id, started_at)
    where status in ('skipped', 'suppressed');
create index notable_of_org on history_data.runs (org_id, status, started_at)
    where status not in ('completed', 'skipped');

create index runs_of_workflow on history_data.runs (workflow_id, org_id, started_at)
    where status not in ('skipped', 'suppressed');
create index filtered_of_workflow on history_data.runs (workflow_id, org_id, started_at)
    where status in ('skipped', 'suppressed');
create index notable_of_workflow on history_data.runs (workflow_id, org_id, status, started_at)
    where status not in ('completed', 'skipped');

create index runs_of_trigger on history_data.runs (org_id, trigger_type, started_at)
    where status not in ('skipped', 'suppressed');
create index filtered_of_trigger on history_data.runs (org_id, trigger_type, started_at)
    where status in ('skipped', 'suppressed');

-- What stems from a run: those that repeat it, and those that its actions caused. One index, for both are asked for at
-- once, in every week since. A case and not coalesce: row-level security lets no index be entered by the latter.
create index runs_stemming on history_data.runs ((case when rerun_of is null then caused_by else rerun_of end))
    where caused_by is not null or rerun_of is not null;

-- What an event is about, so that an entity's events are found. A hash, as of its id: a subject may be longer than a
-- btree takes. Events of before have none, and are found by all else.
alter table history_data.events add column subject text;
create index events_by_subject on history_data.events using hash (subject);
