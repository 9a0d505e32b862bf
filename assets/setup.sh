#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what Dartboard needs to build and to run its tests, on Debian 12 and 13 and on
# Ubuntu 22.04 and 24.04. Run it as root or as a user who may use sudo. It asks nothing, and
# does nothing when everything is there.
set -eu

# Without these: no build, or no tests.
needed="gcc make pkg-config libc6-dev libncurses-dev liblua5.4-dev libopenblas-dev
        libopenblas-pthread-dev libyaml-dev libjson-c-dev libsqlite3-dev zlib1g-dev libcmocka-dev
        libvterm-dev"
# Without one of these: the feature beside it is missing, and the program says so.
features="libarchive-dev:npz-and-tar libturbojpeg0-dev:jpeg-images libpng-dev:png-images
          libprotobuf-c-dev:onnx-and-event-files protobuf-c-compiler:onnx-and-event-files
          lua-check:lint-of-lua tmux:end-to-end-tests dataset-fashion-mnist:the-fashion-data"

say() {
    printf 'setup: %s\n' "$*" >&2
}

has() {
    case $1 in # Debian 13 has pkgconf in its place
    pkg-config) command -v pkg-config >/dev/null 2>&1 && return 0 ;;
    esac
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing_of() {
    for package in "$@"; do
        has "${package%%:*}" || printf '%s ' "$package"
    done
}

apt() {
    # shellcheck disable=SC2086 # $sudo is empty or one word
    $sudo env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get -qq -y \
        -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

updated=
update() {
    [ -n "$updated" ] || apt update >&2 || say "apt-get update failed; trying with the old lists"
    updated=1
}

# Once as things are, quietly; if that fails, once more with fresh lists.
install() {
    [ $# -eq 0 ] && return 0
    apt install --no-install-recommends "$@" >/dev/null 2>&1 && return 0
    update
    apt install --no-install-recommends "$@" >/dev/null
}

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
    say "this script knows Debian and Ubuntu only; elsewhere install a C compiler, GNU make," \
        "pkg-config and the development files of ncursesw, Lua 5.4, OpenBLAS (pthread build)," \
        "libyaml, json-c, SQLite 3, zlib and cmocka; optional: libarchive, libjpeg-turbo," \
        "libpng, protobuf-c, libvterm"
    exit 1
fi

# shellcheck disable=SC2086 # lists of words
missing=$(missing_of $needed)
# shellcheck disable=SC2086
wanted=$(missing_of $features)
[ -z "$missing$wanted" ] && exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
    sudo=sudo
    if ! command -v sudo >/dev/null 2>&1; then
        say "missing: $missing$wanted- run this script as root, there is no sudo"
        exit 1
    fi
fi

if [ -n "$missing" ]; then
    say "installing $missing"
    # shellcheck disable=SC2086
    if ! install $missing; then
        say "could not install: $missing- on Ubuntu some need the universe component:" \
            "add-apt-repository universe"
        exit 1
    fi
fi

packages=
for item in $wanted; do
    packages="$packages ${item%%:*}"
done
if [ -n "$packages" ]; then
    say "installing$packages"
    # All in one go; where one does not exist, each by itself.
    # shellcheck disable=SC2086
    if ! install $packages 2>/dev/null; then
        for item in $wanted; do
            install "${item%%:*}" 2>/dev/null ||
                say "warning: no package ${item%%:*}, so without $(echo "${item#*:}" | tr - ' ')"
        done
    fi
fi
say "done"
