#!/bin/sh
# Makes the modules of this package known to modprobe, for their kernel only.
#
# depmod reads every module of the kernel, which is nearly all that an installation costs. It is run only when the
# kernel's index is older than one of this package's files: a kernel that comes in the same transaction has run it
# after these files were unpacked, and so has the first of several module packages. The change time is compared: dpkg
# sets modification times to those of the package. The same holds for the initramfs.
set -e

release='@RELEASE@'
directory="@MODULES_DIRECTORY@/$release"
initramfs='@INITRAMFS@'

newer() {
  [ ! -e "$1" ] || [ -n "$(find @FILES@ -cnewer "$1" 2>/dev/null)" ]
}

case "$1" in
  configure | abort-upgrade | abort-remove | abort-deconfigure)
    cd "$directory"
    if newer modules.dep.bin && command -v depmod >/dev/null; then
      depmod "$release"
    fi
    if [ "$initramfs" = yes ] && [ -e "/boot/initrd.img-$release" ] &&
      newer "/boot/initrd.img-$release" && command -v update-initramfs >/dev/null; then
      update-initramfs -u -k "$release"
    fi
    ;;
esac
