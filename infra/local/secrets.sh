#!/usr/bin/env bash
# Makes what the composed stack keeps secret, in infra/secrets/, and .env from .env.example. What is there stays.
#
# Compose binds these files into containers as they are: they belong to the account that the processes run as and
# are for it alone (0600). That is 1001 where root runs this, else your own account, unless .env names another.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=infra/local/machine.sh
. infra/local/machine.sh

settings="${AIRLOCK_ENV_FILE:-.env}"

# setting NAME DEFAULT: as Compose reads it: the environment before .env, the last line of those that name it, without
# the quotes around it. A line out of which Compose works its value (`export`, a comment behind it, a variable in it) is
# refused: read otherwise here than there, the secrets would be somebody else's.
setting() {
    local line found=""
    if [ -n "${!1+given}" ]; then
        found="${!1}"
    elif [ -e "$settings" ]; then
        line=$(grep -E "^[[:space:]]*(export[[:space:]]+)?$1[[:space:]]*[=:]" "$settings" | tail -n 1) || true
        case "$line" in
            "" | "$1="*) found="${line#*=}" ;;
            *) refuse "$1" "$line" ;;
        esac
        case "$found" in
            \"*\" | \'*\') found="${found:1:${#found}-2}" ;;
            *[[:space:]]*) refuse "$1" "$line" ;;
        esac
        case "$found" in
            *[\"\'\$\\\`\#]*) refuse "$1" "$line" ;;
        esac
    fi
    printf '%s\n' "${found:-$2}"
}

# refuse NAME LINE
refuse() { fail "$settings: write $1=VALUE, or $1=\"VALUE\" if it has spaces, and nothing for Compose to work out, not: $2"; }

# path_of NAME DEFAULT: a path that is not absolute begins at compose.yaml's folder.
path_of() {
    local found
    found=$(setting "$1" "$2") || return
    case "$found" in
        /*) printf '%s\n' "$found" ;;
        *) printf 'infra/%s\n' "${found#./}" ;;
    esac
}

folder=$(path_of AIRLOCK_SECRETS secrets)
users=$(path_of AIRLOCK_NATS_USERS nats/users.conf)
[ -r "$users" ] || fail "$users, which AIRLOCK_NATS_USERS names, cannot be read: write it with infra/nats/users.py"
uid=1001 gid=1001
if [ "$(id -u)" -ne 0 ]; then uid=$(id -u) gid=$(id -g); fi
uid=$(setting AIRLOCK_UID "$uid")
gid=$(setting AIRLOCK_GID "$gid")
if [ "$(id -u)" -ne 0 ] && [ "$(id -u)" != "$uid" ]; then
    fail "AIRLOCK_UID in $settings is $uid and you are $(id -u): only root can give secrets to another account"
fi

umask 077
mkdir -p "$folder/keys" "$folder/host" "$folder/webhook" "$folder/otlp"

# 32 bytes from the kernel, as text that needs no quoting in an address or a configuration.
word() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# keep NAME TEXT: writes a secret, whole or not at all, unless it is there.
keep() {
    [ ! -e "$folder/$1" ] || return 0
    printf '%s\n' "$2" >"$folder/$1.part"
    mv "$folder/$1.part" "$folder/$1"
    say "made $folder/$1"
}

keep postgres-password "$(word)"
keep database-url "postgresql://airlock:$(cat "$folder/postgres-password")@postgres:5432/airlock"
keep grafana-password "$(word)"
passwords=""
for user in $(sed -n 's/^ *user: //p' "$users"); do
    keep "nats-$user" "$(word)"
    name=$(printf '%s' "$user" | tr 'a-z-' 'A-Z_')
    passwords+="PASSWORD_$name: \"$(cat "$folder/nats-$user")\""$'\n'
done
# Written again each time: it is the others put together.
printf '%s' "$passwords" >"$folder/nats-passwords.part"
mv "$folder/nats-passwords.part" "$folder/nats-passwords"

chmod -R go= "$folder"
if [ "$(id -u)" -eq 0 ]; then chown -R "$uid:$gid" "$folder"; fi

if [ ! -e "$settings" ]; then
    socket="${DOCKER_HOST:-unix:///var/run/docker.sock}"
    socket="${socket#unix://}"
    group=$(stat -c %g "$socket" 2>/dev/null || echo 0)
    sed -e "s|^# *AIRLOCK_UID=.*|AIRLOCK_UID=$uid|" \
        -e "s|^# *AIRLOCK_GID=.*|AIRLOCK_GID=$gid|" \
        -e "s|^# *AIRLOCK_DOCKER_GID=.*|AIRLOCK_DOCKER_GID=$group|" .env.example >"$settings.part"
    mv "$settings.part" "$settings"
    say "made $settings"
fi
