#!/usr/bin/env bash
# Installs what this machine lacks of what Narthex needs, from Debian's packages. Debian 12 and 13.
#
#   scripts/setup.sh          to build and run
#   scripts/setup.sh test     … and to run every test (exporters, Alertmanager, a browser)
#   scripts/setup.sh lint     … and to check format, lint and fuzz
#
# Does nothing when everything is there. Needs root (or sudo) only when something is missing.
set -euo pipefail

purpose=${1:-build}
case $purpose in build | test | lint) ;; *)
    sed -n '2,/^set/p' "$0" | sed '/^set/d; s/^# \{0,1\}//' >&2
    exit 2
    ;;
esac

# shellcheck disable=SC1091
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")

packages="cmake g++ ninja-build ccache mold pkg-config python3
    libyaml-cpp-dev libsnappy-dev libprotobuf-dev protobuf-compiler libspdlog-dev libfmt-dev
    libre2-dev libssl-dev libcrypt-dev zlib1g-dev libdeflate-dev libzstd-dev libabsl-dev libroaring-dev
    libxxhash-dev libexpected-dev libc-ares-dev libpugixml-dev libcli11-dev libmimalloc-dev libgtest-dev libbenchmark-dev"
# Debian 12's default Boost is too old; a newer one stands beside it.
if [ "$codename" = bookworm ]; then
    packages+=" libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev"
else
    packages+=" libboost-dev libboost-json-dev libboost-url-dev"
fi
if [ "$purpose" != build ]; then
    packages+=" curl procps prometheus prometheus-node-exporter prometheus-alertmanager chromium"
    packages+=" prometheus-pushgateway"
fi
if [ "$purpose" = lint ]; then
    # The last two are libFuzzer with the sanitizers' libraries, and what names the lines of a report.
    packages+=" clang-format-14 clang-14 clang-tidy-14 libclang-rt-14-dev llvm-14"
fi

missing=
for package in $packages; do
    dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -q '^installed$' ||
        missing+=" $package"
done
# Any Node.js with npm will do; it need not come from Debian.
command -v node >/dev/null || missing+=" nodejs"
command -v npm >/dev/null || missing+=" npm"

if [ -z "$missing" ]; then
    echo "setup: everything needed to $purpose is installed"
    exit 0
fi
as_root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null ||
        { echo "setup: run this as root, or install sudo; missing:$missing" >&2; exit 1; }
    as_root=sudo
fi
echo "setup: installing$missing"
log=$(mktemp)
# Packages that bring a service must not start it: the tests start their own on free ports.
policy=/usr/sbin/policy-rc.d
if [ -e "$policy" ]; then
    trap 'rm -f "$log"' EXIT
else
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod +x "$policy"
    trap 'rm -f "$log"; $as_root rm -f "$policy"' EXIT
fi
# shellcheck disable=SC2086
if ! { $as_root apt-get update -qq &&
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "setup: apt-get failed; the reason is above" >&2
    exit 1
fi
echo "setup: done"
