#!/bin/sh
# Give the tests of failing disks the program that makes calls of the kernel fail: Debian's strace.
#   sh deploy/install_strace.sh
# Does nothing where it is. Root on Debian gets Debian's package; elsewhere one line says what is missing, and its tests
# are skipped. Always exits 0 unless an installation that was begun fails.
set -eu

if command -v strace >/dev/null 2>&1; then
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "strace is missing, its tests are skipped (on Debian: apt-get install strace)" >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes --no-install-recommends strace
