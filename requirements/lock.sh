#!/usr/bin/env bash
# Writes the lock files from pyproject.toml: edge, train, docs and test, each for Python 3.11, 3.12 and 3.13.
#
#   requirements/lock.sh             keeps the pins that still fit, adds what is missing
#   requirements/lock.sh --upgrade   takes the newest of everything that fits
#
# A lock pins and hashes every package, the build backend of mien itself included, so that setup.sh resolves nothing.
# pip.lock holds the pip that installs them on a device, segno.lock what draws a QR code on a workstation; neither is
# itself installed.
# The same file serves x86_64 and aarch64: both are resolved, from wheels alone, and must agree.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

command -v uv >/dev/null || {
    echo "lock.sh: needs uv on the PATH: python3 -m pip install uv" >&2
    exit 1
}

# The oldest C library a target has: Debian 12's (Ubuntu 24.04 and Debian 13 are newer).
LIBC=manylinux_2_36

# On Debian 12 picamera2 comes from apt, built against numpy 1.24, and OpenCV 4.11.0.86 is the last to run on numpy 1.
# From Python 3.12 on, that is on Ubuntu 24.04 and Debian 13, both are of the numpy 2 age.
#
# litert asks for backports-strenum on every Python; from 1.3 on it calls itself unfit for 3.11, which pip heeds and
# uv does not.
pairing() {
    echo 'backports-strenum<1.3'
    case $1 in
        3.11) printf '%s\n' 'numpy<2' 'opencv-python-headless==4.11.0.86' ;;
        *) printf '%s\n' 'numpy>=2' 'opencv-python-headless>=4.12,<5' ;;
    esac
}

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
# pip builds `-e .` with these when it may look nowhere else.
printf '%s\n' hatchling editables >"$work/build.in"

# resolve PYTHON MACHINE OUT CONSTRAINTS [OPTION...]
resolve() {
    local python=$1 machine=$2 out=$3 constraints=$4
    shift 4
    uv pip compile --quiet --generate-hashes --only-binary :all: \
        --annotation-style line --custom-compile-command requirements/lock.sh \
        --python-version "$python" --python-platform "$machine-$LIBC" \
        --constraints "$constraints" "$@" --output-file "$out" pyproject.toml "$work/build.in"
    sed -i "s|$work/build.in|the build of mien|; s|$work/pairing.txt|the pairing in lock.sh|" "$out"
}

# lock PYTHON TARGET CONSTRAINTS [OPTION...]
lock() {
    local python=$1 target=$2 constraints=$3 name
    shift 3
    name=$target-py${python/./}.txt
    for machine in x86_64 aarch64; do
        if [[ -e requirements/$name ]]; then cp -- "requirements/$name" "$work/$name.$machine"; fi
        resolve "$python" "$machine" "$work/$name.$machine" "$constraints" "$@"
    done
    cmp -- "$work/$name.x86_64" "$work/$name.aarch64" || {
        echo "lock.sh: $name: x86_64 and aarch64 need different packages; one file cannot serve both" >&2
        exit 1
    }
    mv -- "$work/$name.x86_64" "requirements/$name"
    echo "requirements/$name: $(grep -c '==' "requirements/$name") packages"
}

for python in 3.11 3.12 3.13; do
    pairing "$python" >"$work/pairing.txt"
    # The largest set first; the smaller ones take its pins, so that what is tested is what ships.
    lock "$python" test "$work/pairing.txt" --extra dev "$@"
    lock "$python" train "requirements/test-py${python/./}.txt" --extra train "$@"
    lock "$python" docs "requirements/test-py${python/./}.txt" --extra docs "$@"
    lock "$python" edge "requirements/test-py${python/./}.txt" "$@"
done

# alone PACKAGE [OPTION...]: one package that is fetched by itself, as a wheel that Python runs as it is.
alone() {
    local name=$1.lock
    if [[ -e requirements/$name ]]; then cp -- "requirements/$name" "$work/$name"; fi
    echo "$1" | uv pip compile --quiet --generate-hashes --only-binary :all: --annotation-style line --no-annotate \
        --custom-compile-command requirements/lock.sh --python-version 3.11 "${@:2}" --output-file "$work/$name" -
    mv -- "$work/$name" "requirements/$name"
    echo "requirements/$name: 1 package"
}

alone pip "$@"
alone segno --constraints requirements/test-py311.txt "$@"
