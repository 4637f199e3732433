#!/bin/sh
# Makes a Debian root once, whole or not at all.
# usage: make-root.sh LOCK ROOTS NAME SUITE APT-CONF INCLUDE <SOURCES
# The root becomes ROOTS/NAME; roots of SUITE that nobody has used for a week are removed. INCLUDE: packages, comma
# between them, may be empty. Whoever comes second waits at LOCK and finds the root made.
set -eu
if [ "$1" != --locked ]; then
  exec flock "$1" "$0" --locked "$@"
fi
roots=$3
tree=$roots/$4
suite=$5
apt_conf=$6
include=$7
if [ -e "$tree" ]; then
  touch -c "$tree"
  exit 0
fi

# The same ids whoever runs this: root, or root of a user namespace.
mode=root
as_root() { "$@"; }
if [ "$(id -u)" != 0 ]; then
  mode=unshare
  as_root() { unshare --map-root-user --map-auto "$@"; }
fi

find "$roots" -mindepth 1 -maxdepth 1 \( -name '.new-*' -o -name "$suite-*" -mtime +7 \) -print |
  while IFS= read -r old; do as_root rm -rf "$old"; done

new=$roots/.new-$4
mkdir "$new"
{
  mmdebstrap --quiet --variant=apt --mode="$mode" --format=tar --architectures=amd64 \
    --skip=cleanup/apt/lists,cleanup/reproducible \
    --aptopt="$apt_conf" --dpkgopt=force-unsafe-io ${include:+--include="$include"} "$suite" - - ||
    echo failed >"$new.failed"
} | as_root tar -C "$new" --numeric-owner --exclude='./dev/*' -x
if [ -e "$new.failed" ]; then
  rm "$new.failed"
  as_root rm -rf "$new"
  exit 1
fi
as_root mv "$new/etc/apt/sources.list.d/0000main.sources" "$new/etc/apt/sources.list.d/debian.sources"
mv "$new" "$tree"
