-- What was found wrong with workflows, at the last check (projections/health): docs/how-to/check-rule-health.md.
-- A few rows a workflow at most; a check of an organisation replaces them.
create table history_data.workflow_findings (
    org_id text not null,
    workflow_id text not null,
    finding text not null,
    -- Tells findings of one kind apart: the comparison, the guard, or the field and the other workflow.
    about text not null,
    severity text not null,
    sentence text not null,
    details jsonb not null,
    run_ids text[] not null,
    first_seen timestamptz not null,
    last_seen timestamptz not null,
    primary key (org_id, workflow_id, finding, about)
);

create table history_data.health_checks (
    org_id text primary key,
    checked_at timestamptz not null
);

create view history.workflow_health with (security_invoker = true) as
select f.org_id,
       f.workflow_id,
       w.name as workflow_name,
       f.finding,
       f.severity,
       f.sentence,
       f.details,
       f.run_ids,
       f.first_seen,
       f.last_seen
  from history_data.workflow_findings f
  left join history_data.workflows w on w.org_id = f.org_id and w.workflow_id = f.workflow_id;

create view history.health_checks with (security_invoker = true) as
select org_id, checked_at from history_data.health_checks;

-- The lock between organisations, as it was and for these tables too, whatever it was.
alter function hub_data.lock() rename to lock_before_health;

create function hub_data.lock() returns text language plpgsql as $$
declare
    reason constant text := hub_data.lock_before_health();
    one text;
begin
    if reason is null then
        foreach one in array array['workflow_findings', 'health_checks'] loop
            perform hub_data.keep_apart(format('history_data.%I', one),
                                        'org_id = current_setting(''onestack.org'', true)', 'select');
        end loop;
    end if;
    return reason;
end $$;
