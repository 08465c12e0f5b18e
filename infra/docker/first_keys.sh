#!/bin/sh
# Brings the database to this release, and makes the first keys where they are not there yet. Safe to run again.
#
# first_keys.sh KEYS NAME: KEYS has folders of which each is for one reader: `keys` for the person (NAME, whose
# admin.key decides at gates), `host` for agent hosts, `webhook` for Alertmanager and Grafana.
set -eu
folder="$1"
name="$2"
python -m airlock_orchestration migrate --first-keys "$folder/keys" --first-name "$name"
cp "$folder/keys/host.key" "$folder/host/host.key"
if [ ! -s "$folder/webhook/webhook.key" ]; then
    python -m airlock_orchestration keys create --name alerts --role webhook --output "$folder/webhook/webhook.key" >/dev/null
fi
