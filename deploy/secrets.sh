#!/bin/sh
# Makes the secrets that deploy/compose.yaml mounts, in deploy/secrets; those that are there stay as they are.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
# The folder is closed to others on this machine; the files in it are open, for in a container another user reads them.
chmod 700 secrets

keep() { # keep NAME VALUE
  if [ ! -e "secrets/$1" ]; then
    printf '%s' "$2" >"secrets/$1"
    chmod 644 "secrets/$1"
    echo "made deploy/secrets/$1"
  fi
}

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

keep postgres_password "$(random)"
keep projector_password "$(random)"
keep hub_password "$(random)"
# The owner's is for `migrate` alone; the projector and the Hub may do what they have to, and no more.
keep postgres_url "postgresql://onestack:$(cat secrets/postgres_password)@postgres:5432/onestack"
keep projector_url "postgresql://projector_1:$(cat secrets/projector_password)@postgres:5432/onestack"
keep hub_url "postgresql://hub_1:$(cat secrets/hub_password)@postgres:5432/onestack"
keep grafana_password "$(random)"
# Yours to fill in: the token that modules ask for, and the mail server as smtp://user:password@host:port.
keep module_token ""
keep smtp_url ""
