#!/bin/sh
# Puts a throw-away root together in mount and pid namespaces of its own and keeps these until standard input ends.
# usage: hold-root.sh BASE STATE
# STATE holds the empty folders base, upper, work, root and the packages that apt finds downloaded, archives.
set -eu
# Short relative names: no character of a path has a meaning for overlayfs then.
cd "$2"
mount --bind "$1" base
options=lowerdir=base,upperdir=upper,workdir=work,volatile
if [ "$(cat /proc/self/uid_map)" != "$(printf '%10u %10u %10u' 0 0 4294967295)" ]; then
  options=$options,userxattr
fi
mount -t overlay -o "$options" lockstep-test root
mkdir -p root/var/cache/apt/archives root/dev root/proc
mount --bind archives root/var/cache/apt/archives
mount -t tmpfs -o mode=755,size=64m lockstep-test root/dev
for device in null zero full random urandom tty; do
  : >"root/dev/$device"
  mount --bind "/dev/$device" "root/dev/$device"
done
mkdir root/dev/pts root/dev/shm
chmod 1777 root/dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 lockstep-test root/dev/pts
ln -s pts/ptmx root/dev/ptmx
ln -s /proc/self/fd root/dev/fd
ln -s /proc/self/fd/0 root/dev/stdin
ln -s /proc/self/fd/1 root/dev/stdout
ln -s /proc/self/fd/2 root/dev/stderr
echo ready
exec cat >/dev/null
