#!/bin/sh
# Takes away what the guard has made while it still can.
set -e
case "$1" in
  remove | deconfigure)
    lockstep-guard clean || true
    ;;
esac
