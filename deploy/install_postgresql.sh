#!/bin/sh
# Give the tests a PostgreSQL, where this machine lets them: the server's programs, not a running server.
#   sh deploy/install_postgresql.sh
# Does nothing where its programs are, or where a Docker engine answers. Root on Debian gets Debian's package, told
# beforehand not to make and start a database of its own. Elsewhere one line says what is missing; its tests are skipped.
# Always exits 0 unless an installation that was begun fails.
set -eu

here() {
    command -v initdb >/dev/null 2>&1 && return 0
    for found in /usr/lib/postgresql/*/bin/initdb; do
        [ -x "$found" ] && return 0
    done
    return 1
}

if here || docker info >/dev/null 2>&1; then
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "PostgreSQL is missing and its tests are skipped (on Debian: apt-get install postgresql)" >&2
    exit 0
fi

export DEBIAN_FRONTEND=noninteractive
settings=/etc/postgresql-common/createcluster.conf
apt-get update
if [ ! -e "$settings" ]; then # whoever has it already has decided
    apt-get install --yes --no-install-recommends postgresql-common
    echo 'create_main_cluster = false' >>"$settings"
fi
apt-get install --yes --no-install-recommends postgresql
