#!/bin/sh
# host_image.sh: makes the image of a test host (Debian, sshd, Python, Perl, libfaketime) where the Docker engine has none.
# Needs root, debootstrap and a running engine. What was made once is kept in ~/.cache and only loaded the next time.
set -eu
image=runbook-engine-test-host:1
kept="${XDG_CACHE_HOME:-$HOME/.cache}/runbook-engine-tests/host-1.tar"
docker image inspect "$image" >/dev/null 2>&1 && exit 0
if [ ! -s "$kept" ]; then
  room=$(mktemp -d)
  trap 'rm -rf "$room"' EXIT
  trap 'exit 1' TERM INT
  debootstrap --variant=minbase --include=openssh-server,python3-minimal,procps,libfaketime \
    "${1:-bookworm}" "$room/root" >"$room/log" 2>&1 || { tail -5 "$room/log" >&2; exit 1; }
  mkdir -p "$(dirname "$kept")"
  tar -C "$room/root" --exclude=./var/cache/apt --exclude=./var/lib/apt/lists --exclude=./usr/share/doc \
    --exclude=./usr/share/locale --exclude=./usr/share/man -cf "$kept.part" .
  mv "$kept.part" "$kept"
fi
docker import - "$image" <"$kept" >/dev/null
