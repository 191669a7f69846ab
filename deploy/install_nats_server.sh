#!/bin/sh
# Make PREFIX/nats-server a server that is new enough.
#   sh deploy/install_nats_server.sh PREFIX
#   sh deploy/install_nats_server.sh --can-install PREFIX      exit code only: has the first form a way to succeed?
#
# A server that is already here is taken if it is new enough: NATS_SERVER_BIN, PREFIX/nats-server, then the PATH.
# Otherwise Debian's package is fetched from the mirror this machine uses anyway. The machine's stable release is too old
# for it, so newer suites are asked, in an apt state of its own below a temporary folder: the system's lists, cache,
# pins and installed packages are neither read nor changed, and root is not needed. apt checks Debian's signature as
# always. The package is unpacked, not installed: no account, no service, no script of it runs.
set -eu

LEAST=2.12.7 # older servers let one account reach into another's or can be stopped from outside
SUITES='stable-backports testing unstable' # the calmest suite that has it wins
PACKAGE_PATH=usr/sbin/nats-server

version_of() { # prints 2.12.7 for `nats-server: v2.12.7`, nothing for what is not a nats-server
    "$1" --version 2>/dev/null </dev/null | sed -n 's/^nats-server: v\([0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*\).*/\1/p'
}

new_enough() { # the smaller of the two versions must be LEAST
    [ -n "$1" ] && [ "$(printf '%s\n' "$1" "$LEAST" | sort -V | head -n 1)" = "$LEAST" ]
}

usable() { # says on standard error why a server that is there is passed over
    [ -n "$1" ] && [ -x "$1" ] && [ ! -d "$1" ] || return 1
    found=$(version_of "$1")
    new_enough "$found" && return 0
    echo "$1 is ${found:-no nats-server}, at least $LEAST is needed: passed over" >&2
    return 1
}

already_here() { # prints the path of a server to take as it is
    for candidate in "${NATS_SERVER_BIN:-}" "$1" "$(command -v nats-server || true)"; do
        if usable "$candidate"; then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

keyring() { # prints the file with the keys Debian signs its suites with
    for file in /usr/share/keyrings/debian-archive-keyring.pgp /usr/share/keyrings/debian-archive-keyring.gpg; do
        if [ -r "$file" ]; then
            echo "$file"
            return 0
        fi
    done
    return 1
}

can_fetch() {
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null && keyring >/dev/null
}

mirrors() { # prints the base of each archive in the machine's apt settings, whatever format these are written in
    apt-get -o Dir::State::lists="$work/no-lists" --print-uris update |
        sed -n "s|^'\(.*\)/dists/[^/]*/InRelease'.*|\1|p" | grep -v security | sort -u
}

fetch() { # MIRROR SUITE: leaves the server at $work/unpacked; fails where that suite has none
    rm -rf "$work/state" "$work/unpacked"
    mkdir -p "$work/state/lists/partial" "$work/state/cache/archives/partial" "$work/state/empty" "$work/unpacked"
    : >"$work/state/dpkg-status"
    echo "deb [signed-by=$(keyring) arch=$(dpkg --print-architecture)] $1 $2 main" >"$work/state/sources.list"
    (
        cd "$work/state"
        apt-get update || exit 1
        apt-cache madison nats-server | grep -q nats-server || exit 1
        apt-get download nats-server && dpkg-deb --extract nats-server_*.deb "$work/unpacked"
    )
}

# How the machine reaches its mirror (proxies, certificates, retries) is kept; nothing else of its apt settings is, above
# all no hook that runs after an update.
private_apt_settings() {
    apt-config dump | grep '^Acquire::' || true
    cat <<END
Dir::State::lists "$work/state/lists";
Dir::State::status "$work/state/dpkg-status";
Dir::Cache "$work/state/cache";
Dir::Etc::main "$work/state/empty/none";
Dir::Etc::parts "$work/state/empty";
Dir::Etc::sourcelist "$work/state/sources.list";
Dir::Etc::sourceparts "$work/state/empty";
Dir::Etc::preferences "$work/state/empty/none";
Dir::Etc::preferencesparts "$work/state/empty";
APT::Sandbox::User "root"; // apt's own account may not look into the temporary folder
Acquire::Languages "none";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
END
}

put() { # FROM TO: a copy, so that a later change of the original can not bring an old server back
    mkdir -p "$(dirname "$2")"
    install -m 0755 "$1" "$2.new" # a server that is running keeps its file when the new one takes the name
    mv -f "$2.new" "$2"
    "$2" --version
}

if [ "${1:-}" = --can-install ]; then
    already_here "$2/nats-server" >/dev/null 2>&1 || can_fetch
    exit
fi

target=${1:?usage: $0 PREFIX}/nats-server
if here=$(already_here "$target"); then
    put "$here" "$target"
    exit 0
fi
if ! can_fetch; then
    echo "nats-server $LEAST or newer is not here, and apt-get, dpkg-deb and Debian's archive keys to fetch it are not" >&2
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir "$work/no-lists"
mirrors=$(mirrors)
private_apt_settings >"$work/apt.conf"
export APT_CONFIG="$work/apt.conf"
for suite in $SUITES; do
    for mirror in $mirrors; do
        echo "Looking for nats-server in Debian $suite"
        if fetch "$mirror" "$suite" && usable "$work/unpacked/$PACKAGE_PATH"; then
            put "$work/unpacked/$PACKAGE_PATH" "$target"
            exit 0
        fi
    done
done
echo "nats-server $LEAST or newer was found neither here nor in Debian's suites $SUITES" >&2
exit 1
