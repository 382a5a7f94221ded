#!/bin/sh
# Run once by the image of Postgres, on an empty data folder: a login for each process, with the password of its secret.
# `onestack migrate --roles` then says what the roles may do.
set -eu
secrets=${SECRETS:-/run/secrets}
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --no-psqlrc --quiet --set ON_ERROR_STOP=1 \
  --set projector="$(cat "$secrets/projector_password")" --set hub="$(cat "$secrets/hub_password")" <<'SQL'
select 'create role onestack_projector nologin' where to_regrole('onestack_projector') is null \gexec
select 'create role onestack_hub_service nologin noinherit' where to_regrole('onestack_hub_service') is null \gexec
create role projector_1 login in role onestack_projector password :'projector';
create role hub_1 login in role onestack_hub_service password :'hub';
SQL
