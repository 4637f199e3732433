#!/bin/sh
# Takes the modules of this package out of modprobe's index, as long as their kernel is there.
set -e

release='@RELEASE@'
directory="@MODULES_DIRECTORY@/$release"
initramfs='@INITRAMFS@'

case "$1" in
  remove | disappear)
    if [ -e "$directory/modules.dep" ] && [ -e "$directory/modules.builtin" ] &&
      grep -qF '@SUBDIRECTORY@/' "$directory/modules.dep" && command -v depmod >/dev/null; then
      depmod "$release"
      if [ "$initramfs" = yes ] && [ -e "/boot/initrd.img-$release" ] &&
        command -v update-initramfs >/dev/null; then
        update-initramfs -u -k "$release"
      fi
    fi
    ;;
esac
