#!/bin/sh
# install-once.sh FILE DIRECTORY: installs FILE unless there is one of its name, which is the
# administrator's by now: an upgrade must not bring back the defaults.
set -eu

target=${DESTDIR:-}$2/${1##*/}
if [ -e "$target" ] || [ -L "$target" ]; then
    echo "$target is kept as it is"
else
    mkdir -p "${target%/*}"
    cp "$1" "$target"
    chmod 0644 "$target"
fi
