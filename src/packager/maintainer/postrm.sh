#!/bin/sh
# Takes the modules of this package out of modprobe's index, unless their kernel goes too.
set -e

release='@RELEASE@'
directory="@MODULES_DIRECTORY@/$release"
initramfs='@INITRAMFS@'

# apt notes what it will remove before dpkg begins: no index is made for a kernel that leaves in the same transaction.
kernel_stays() {
  # shellcheck disable=SC2016 # the format is dpkg-query's
  dpkg-query -W -f '${db:Status-Want}\n' @IMAGE@ 2>/dev/null | grep -qE '^(install|hold)$'
}

case "$1" in
  remove | disappear)
    if [ -e "$directory/modules.dep" ] && grep -qF '@SUBDIRECTORY@/' "$directory/modules.dep" &&
      kernel_stays && command -v depmod >/dev/null; then
      depmod "$release"
      if [ "$initramfs" = yes ] && [ -e "/boot/initrd.img-$release" ] &&
        command -v update-initramfs >/dev/null; then
        update-initramfs -u -k "$release"
      fi
    fi
    ;;
esac
