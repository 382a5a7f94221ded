-- The documented views: their names and columns are a contract (docs/reference/history.md).
create schema if not exists history;

create view history.runs as
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
         where c.run_id = r.run_id and c.seq <= r.event_seq
         order by c.seq desc limit 1) as trigger_event,
       (select nullif(c.entries::jsonb -> 0 -> 'data' -> 'conditions', 'null')
          from history_data.records c
         where c.run_id = r.run_id and c.seq = 0) as conditions,
       r.started_at,
       r.finished_at,
       (extract(epoch from r.finished_at - r.started_at) * 1000)::double precision as duration_ms,
       r.error,
       r.causation_chain
  from history_data.runs r;

create view history.steps as
select s.run_id,
       s.position,
       s.step_id,
       s.action,
       s.status,
       s.attempts,
       (select nullif(coalesce(c.entries::jsonb -> (s.input_seq - c.seq) -> 'data' -> 'input',
                               c.entries::jsonb -> (s.input_seq - c.seq) -> 'data' -> 'conditions'), 'null')
          from history_data.records c
         where c.run_id = s.run_id and c.seq <= s.input_seq
         order by c.seq desc limit 1) as input,
       (select case when s.action = 'condition'
                    then jsonb_build_object('result', c.entries::jsonb -> (s.output_seq - c.seq) -> 'data' -> 'result')
                    else nullif(c.entries::jsonb -> (s.output_seq - c.seq) -> 'data' -> 'output', 'null') end
          from history_data.records c
         where c.run_id = s.run_id and c.seq <= s.output_seq
         order by c.seq desc limit 1) as output,
       (select nullif(c.entries::jsonb -> (s.error_seq - c.seq) -> 'data' -> 'error', 'null')
          from history_data.records c
         where c.run_id = s.run_id and c.seq <= s.error_seq
         order by c.seq desc limit 1) as error,
       s.started_at,
       s.finished_at,
       (extract(epoch from s.finished_at - s.started_at) * 1000)::double precision as duration_ms
  from history_data.steps s;

create view history.entries as
select c.run_id,
       (c.seq + e.number - 1)::integer as seq,
       e.entry ->> 'type' as type,
       (e.entry ->> 'time')::timestamptz as at,
       e.entry -> 'data' as data
  from history_data.records c
 cross join lateral jsonb_array_elements(c.entries::jsonb) with ordinality as e (entry, number);

create view history.workflows as
select org_id, workflow_id, version, name, state, trigger_type, definition, updated_at
  from history_data.workflows;

create view history.dead_letters as
select reason, field, topic, partition, "offset", key, value, at
  from history_data.dead_letters;
