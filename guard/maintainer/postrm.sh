#!/bin/sh
set -e
case "$1" in
  purge)
    rm -rf /var/lib/lockstep-guard
    ;;
esac
