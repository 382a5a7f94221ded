-- Replays: their entries are kept like a run's, and all ids of replays stand together in the key of run_keys.
create view history.replays with (security_invoker = true) as
select k.run_id as replay_id,
       k.org_id,
       first.entry -> 'data' ->> 'workflow' as workflow_id,
       first.entry -> 'data' ->> 'action' as action,
       first.entry -> 'data' ->> 'version' as version,
       first.entry -> 'data' -> 'by' ->> 'person' as person,
       first.entry -> 'data' -> 'by' ->> 'reason' as reason,
       first.entry -> 'data' -> 'filter' as filter,
       (first.entry ->> 'time')::timestamptz as started_at,
       (last.entry ->> 'time')::timestamptz as updated_at,
       case when last.entry ->> 'type' = 'replay.ended' then (last.entry ->> 'time')::timestamptz end as finished_at,
       -- Whoever replays tells of it every few seconds.
       case when last.entry ->> 'type' = 'replay.ended' then last.entry -> 'data' ->> 'status'
            when (last.entry ->> 'time')::timestamptz < now() - interval '1 minute' then 'interrupted'
            else 'running' end as status,
       last.entry -> 'data' ->> 'reason' as status_reason,
       jsonb_array_length(first.entry -> 'data' -> 'run_ids') as runs,
       coalesce((last.entry -> 'data' -> 'counts' ->> 'replayed')::integer, 0) as replayed,
       coalesce((last.entry -> 'data' -> 'counts' ->> 'completed')::integer, 0) as completed,
       coalesce((last.entry -> 'data' -> 'counts' ->> 'failed')::integer, 0) as failed,
       coalesce((last.entry -> 'data' -> 'counts' ->> 'cancelled')::integer, 0) as cancelled,
       coalesce((last.entry -> 'data' -> 'counts' ->> 'waiting')::integer, 0) as waiting,
       coalesce((last.entry -> 'data' -> 'counts' ->> 'passed_over')::integer, 0) as passed_over,
       coalesce((last.entry -> 'data' -> 'counts' ->> 'refused')::integer, 0) as refused
  from history_data.run_keys k
 cross join lateral (select c.entries::jsonb -> 0 as entry from history_data.records c
                      where c.run_id = k.run_id and c.week = k.week and c.seq = 0) first
 cross join lateral (select c.entries::jsonb -> -1 as entry from history_data.records c
                      where c.run_id = k.run_id and c.week = k.week order by c.seq desc limit 1) last
 where k.run_id >= 'replay-' and k.run_id < 'replay.' and first.entry ->> 'type' = 'replay.started';

-- Which runs a replay is of, and where each of them stands now: ask for one replay_id.
create view history.replay_runs with (security_invoker = true) as
select k.run_id as replay_id,
       k.org_id,
       one.position::integer - 1 as position,
       one.run_id,
       first.entry -> 'data' -> 'new_run_ids' ->> (one.position::integer - 1) as new_run_id,
       exists (select from history_data.run_keys n
                where n.run_id = first.entry -> 'data' -> 'new_run_ids' ->> (one.position::integer - 1))
       or exists (select from history_data.run_keys o
                    join history_data.records c on c.run_id = o.run_id and c.week = o.week
                   cross join lateral jsonb_array_elements(c.entries::jsonb) e (entry)
                   where o.run_id = one.run_id and e.entry ->> 'type' = 'run.resumed'
                     and e.entry -> 'data' -> 'by' ->> 'replay' = k.run_id) as replayed
  from history_data.run_keys k
 cross join lateral (select c.entries::jsonb -> 0 as entry from history_data.records c
                      where c.run_id = k.run_id and c.week = k.week and c.seq = 0) first
 cross join lateral jsonb_array_elements_text(first.entry -> 'data' -> 'run_ids')
                    with ordinality as one (run_id, position)
 where k.run_id >= 'replay-' and k.run_id < 'replay.' and first.entry ->> 'type' = 'replay.started';
