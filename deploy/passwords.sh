#!/bin/sh
# Writes .env with the passwords that compose.yaml asks for, once; an existing file is kept. It is not in git.
set -eu
umask 077
cd "$(dirname "$0")/.."
password() { od -An -tx1 -N24 /dev/urandom | tr -d ' \n'; }
if [ -e .env ]; then
  echo ".env is there already: kept"
else
  printf 'POSTGRES_PASSWORD=%s\nGRAFANA_PASSWORD=%s\n' "$(password)" "$(password)" >.env
  echo "wrote .env; Grafana's user is admin"
fi
