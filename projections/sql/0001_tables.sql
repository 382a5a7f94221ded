-- What the projector writes. Only the views of the schema `history` are a contract; these tables may change.

-- How far each partition is folded: the truth, in the same transaction as the rows.
create table history_data.offsets (
    topic text not null,
    partition integer not null,
    next bigint not null,
    primary key (topic, partition)
);

-- The run log as it came: one row for each stretch of consecutive entries, `seq` being that of the first.
-- Steps and runs below say which entry holds an input, an output or an event instead of copying it, so that
-- a step that ends rewrites a short row. `json`, for the views make jsonb of the few that are read: of all of them it
-- would be half of what writing a run costs. Whoever writes here sees to it that each is valid as jsonb too.
create table history_data.records (
    run_id text collate "C" not null,
    seq integer not null,
    entries json not null,
    primary key (run_id, seq)
) with (toast_tuple_target = 8160);  -- compressing what is a little over 2 kB costs more than the room it takes

create table history_data.runs (
    run_id text collate "C" primary key,
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
    event_seq integer not null
) with (fillfactor = 85);

create index runs_by_org on history_data.runs (org_id, started_at);
create index runs_by_workflow on history_data.runs (workflow_id, started_at);
create index runs_by_time on history_data.runs (started_at);
-- Most runs complete: they are found by time, and the others by their status.
create index runs_by_status on history_data.runs (status, started_at) where status <> 'completed';
-- A hash: an entity key may be longer than a btree takes.
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
    primary key (run_id, position)
) with (fillfactor = 85);

create table history_data.workflows (
    org_id text not null,
    workflow_id text not null,
    version bigint not null,
    name text,
    state text not null,
    trigger_type text,
    definition jsonb not null,
    updated_at timestamptz not null,
    primary key (org_id, workflow_id)
);

-- `id` is made of where the refused record came from and of what it held, so that a repeated letter is one row.
create table history_data.dead_letters (
    id text primary key,
    reason text,
    field text,
    topic text,
    partition integer,
    "offset" bigint,
    key text,
    value text,
    at timestamptz not null
);

create index dead_letters_by_time on history_data.dead_letters (at);
