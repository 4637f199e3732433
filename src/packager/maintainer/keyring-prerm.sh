#!/bin/sh
# Files with the keys in them stay as they are, and apt with them. A source that names the keyring's file loses it: that is told.
set -e
case "$1" in
  remove)
    keyring=/usr/share/keyrings/@NAME@.pgp
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
      if [ -f "$file" ] && grep -qF "$keyring" "$file"; then
        echo "@NAME@: $file names $keyring, which goes: apt update will refuse that source"
      fi
    done
    ;;
esac
