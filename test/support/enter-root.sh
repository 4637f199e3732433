#!/bin/sh
# Runs a command in a root, as the first process of new mount and pid namespaces; its status is the command's.
# usage: enter-root.sh ROOT FOLDER COMMAND...
set -eu
root=$1
folder=$2
shift 2
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
# Packages' scripts don't tune this machine, load modules into its kernel or set its clock.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro,nosuid,nodev,noexec "$root/proc/sys"
status=0
# shellcheck disable=SC2016 # expanded in the root
setpriv --bounding-set=-sys_module,-sys_boot,-sys_time,-sys_rawio,-syslog \
  chroot "$root" sh -c 'cd "$1" && shift && exec "$@"' sh "$folder" "$@" || status=$?
exit "$status"
