#!/bin/sh
# Say in one line what this machine lacks for `make`, or nothing at all.
#   sh deploy/check_machine.sh PYTHON PREFIX     the interpreter to use; where nats-server is or will be
# Exits 0 when everything is there, else 1. It changes nothing and asks no network.
set -eu

python=$1
prefix=$2
lacks=''

add() {
    lacks="${lacks:+$lacks; }$1"
}

if ! command -v "$python" >/dev/null 2>&1; then
    add "$python (Python 3.11 or newer)"
elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    add "Python 3.11 or newer ($python is $("$python" -c 'import platform; print(platform.python_version())'))"
elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    add "the venv module of $python (on Debian: apt-get install python3-venv)"
fi

here=$(dirname "$0")
if ! sh "$here/install_nats_server.sh" --can-install "$prefix"; then
    add "apt-get, dpkg-deb and Debian's archive keys to fetch nats-server with (or name a recent one in NATS_SERVER_BIN)"
fi

if [ -n "$lacks" ]; then
    echo "This machine lacks: $lacks" >&2
    exit 1
fi
