#!/bin/bash
# Puts a sandbox's file system together in a mount namespace of its own, then becomes the sandbox.
# usage: mount-and-run.sh FOLDER SHARED-BYTES OVERLAY-OPTIONS SOURCE COMMAND...
# FOLDER is an empty folder to mount on; its `layers` file lists the root's layers, uppermost first, one a line.
# SHARED-BYTES bounds the shared memory of shmget(2), which no process needs to hold.
# SOURCE is the lower layer of the build folder, `-` for none. Beside FOLDER lie `upper` and `work` for it, `source-upper`
# and `source-work` for a second copy of it, and `out`.
# Runs as root of this or of a new user namespace; COMMAND finds /mnt/root, /mnt/build, /mnt/source and /mnt/out.
set -eu
folder=$1
shared=$2
options=$3
source=$4
shift 4
state=$(dirname "$folder")
# In pages. In a user namespace, kernels before 5.19 leave this to the machine's root alone.
echo $((shared / 4096)) 2>/dev/null >/proc/sys/kernel/shmall || :
mount -t tmpfs -o size=16m,mode=755 lockstep "$folder"
cd "$folder"
mkdir root build source out state lower
mount --bind "$state" state
mount --bind "$state/out" out
count=0
lowerdir=
while IFS= read -r layer; do
  # Layers are bound to short names: no character of a path has a meaning for overlayfs then.
  mkdir "$count"
  mount --bind "$layer" "$count"
  lowerdir=${lowerdir:+$lowerdir:}$count
  count=$((count + 1))
done <"$state/layers"
mount -t overlay -o "${options}ro,lowerdir=$lowerdir" lockstep root
if [ "$source" = - ]; then
  mount --bind "$state/upper" build
else
  mount --bind "$source" lower
  mount -t overlay -o "${options}lowerdir=lower,upperdir=state/upper,workdir=state/work" lockstep build
  mount -t overlay -o "${options}lowerdir=lower,upperdir=state/source-upper,workdir=state/source-work" lockstep source
fi
umount -l state
# The command may run as a user who can't walk to FOLDER; /mnt, in this namespace alone, is where everybody can.
mount --rbind "$folder" /mnt
cd /mnt
# Whatever else is open here was left so by whoever started Lockstep; only bwrap's status is for COMMAND.
for fd in /proc/self/fd/*; do
  fd=${fd##*/}
  [ "$fd" -le 3 ] || eval "exec $fd>&-"
done
exec "$@"
