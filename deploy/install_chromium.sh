#!/bin/sh
# Give the tests of the pages a browser, where this machine lets them: Debian's Chromium, and the library that the
# program driving it needs (libatomic).
#   sh deploy/install_chromium.sh
# Does nothing where both are. Root on Debian gets Debian's packages; elsewhere one line says what is missing, and the
# tests of the pages are skipped. Always exits 0 unless an installation that was begun fails.
set -eu

if command -v chromium >/dev/null 2>&1 && /sbin/ldconfig -p | grep -q 'libatomic\.so\.1 '; then
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "Chromium or libatomic is missing, its tests are skipped (on Debian: apt-get install chromium libatomic1)" >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes --no-install-recommends chromium libatomic1
