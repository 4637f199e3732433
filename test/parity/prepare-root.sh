#!/bin/bash
# Makes a machine of this root that builds modules by DKMS for one kernel, but for the kernel's /lib/modules, which
# becomes /usr/src/parity-modules.
# usage: prepare-root.sh "PACKAGE..." HEADERS-DEB...
set -eu
packages=$1
shift
# shellcheck disable=SC2086 # one argument a package
apt-get install -y --no-install-recommends $packages
for deb; do
  # Not `dpkg-deb -x`, which puts a folder in the place of the link /lib.
  dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C /
done
mkdir -p /usr/src/parity-modules
mv /lib/modules/* /usr/src/parity-modules/
