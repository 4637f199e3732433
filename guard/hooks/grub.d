#!/bin/sh
# Made by lockstep-guard, which removes it again: the default entry is a kernel that has the modules this machine wants.
# An entry that is chosen for one boot, and a default that is no kernel without them, stay as they are.
set -e

boot=/var/lib/lockstep-guard/boot
good=$(sed -n 's/^default //p' "$boot" 2>/dev/null | tr -cd 'A-Za-z0-9.+~_-') || good=
if [ -z "$good" ] || [ ! -e "/boot/vmlinuz-$good" ] && [ ! -e "/boot/vmlinux-$good" ]; then
  exit 0
fi
# shellcheck disable=SC1091,SC2154 # grub-mkconfig's own library and variables
. "$pkgdatadir/grub-mkconfig_lib"
id=$(grub_get_device_id "$GRUB_DEVICE")
case $GRUB_DISABLE_SUBMENU in
  true | yes | y) entry="gnulinux-$good-advanced-$id" ;;
  *) entry="gnulinux-advanced-$id>gnulinux-$good-advanced-$id" ;;
esac
quote() {
  printf '%s' "$1" | sed "s/'/'\\\\''/g"
}
if [ -z "$GRUB_DISTRIBUTOR" ]; then
  os=GNU/Linux
else
  os="$GRUB_DISTRIBUTOR GNU/Linux"
fi
cat <<END
if [ x\$boot_once != xtrue ]; then
  set lockstep_guard=
  insmod regexp
  if [ -z "\$default" ]; then set lockstep_guard=1; fi
  if regexp '^[0-9>]+\$' "\$default"; then set lockstep_guard=1; fi
  if [ "\$default" = 'gnulinux-simple-$id' ]; then set lockstep_guard=1; fi
  if [ "\$default" = '$(quote "$os")' ]; then set lockstep_guard=1; fi
END
sed -n 's/^avoid //p' "$boot" | tr -cd 'A-Za-z0-9.+~_\n-' | while read -r release; do
  pattern=$(printf '%s' "$release" | sed 's/[.+]/\\&/g')
  cat <<END
  if regexp 'gnulinux-$pattern-(advanced|recovery|init-)' "\$default"; then set lockstep_guard=1; fi
  if regexp 'Linux $pattern( \\(|\$)' "\$default"; then set lockstep_guard=1; fi
END
done
cat <<END
  if [ x\$lockstep_guard = x1 ]; then set default='$entry'; fi
fi
END
