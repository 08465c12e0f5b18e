#!/bin/sh
# Makes the cluster that PGDATA names if there is none, as the official image does, then becomes the server.
set -eu
umask 077
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    rm -rf "$PGDATA.new"
    # shellcheck disable=SC2086 # one word per option
    initdb --pgdata="$PGDATA.new" --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" ${POSTGRES_INITDB_ARGS:-}
    echo "host all all all scram-sha-256" >>"$PGDATA.new/pg_hba.conf"
    echo "CREATE DATABASE \"$POSTGRES_DB\"" | postgres --single -D "$PGDATA.new" postgres
    mkdir -p "$(dirname "$PGDATA")"
    # Last, once it is whole: what ends this half way begins anew.
    mv "$PGDATA.new" "$PGDATA"
fi
exec "$@" -c "listen_addresses=*" -c unix_socket_directories=/run/postgresql
