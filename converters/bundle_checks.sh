#!/usr/bin/env bash
# What the scripts that bundle models check before any work; they source it from the repository's root.

fail() {
    echo "${0##*/}: $*" >&2
    exit 2
}

need_file() {
    [[ -f $1 ]] || fail "$1: no such file"
}

need_commands() {
    local name
    for name in mien-train mien-convert; do
        command -v "$name" >/dev/null || fail "$name is not on the PATH: activate the environment of ./setup.sh train"
    done
}
