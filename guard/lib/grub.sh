# shellcheck shell=sh
# GRUB's default entry. Needs settings.sh and boot.sh.

GRUB_SCRIPT=$ROOT/etc/grub.d/06_lockstep_guard

has_grub() {
  [ -d "$ROOT/etc/grub.d" ] && [ -e "$ROOT/boot/grub/grub.cfg" ]
}

# Puts the script of grub-mkconfig there while it has something to say, and takes it away after.
# usage: grub_refresh CHANGED(0|3) [in-kernel-hook]
grub_refresh() (
  changed=$1
  if [ -s "$BOOT" ] && [ -d "$ROOT/etc/grub.d" ]; then
    put_file "$GRUB_SCRIPT" 755 <"$SHARE/hooks/grub.d"
    case $? in
      1)
        warn "$GRUB_SCRIPT can't be written: GRUB's default stays as it is"
        return 0
        ;;
      3) changed=3 ;;
    esac
  elif [ -e "$GRUB_SCRIPT" ]; then
    rm -f "$GRUB_SCRIPT" 2>/dev/null
    changed=3
  fi
  if [ "$changed" != 0 ] && [ -z "${2:-}" ] && has_grub && command -v grub-mkconfig >/dev/null; then
    grub-mkconfig -o "$ROOT/boot/grub/grub.cfg" >/dev/null 2>&1 </dev/null || warn 'grub-mkconfig failed: run update-grub'
  fi
)
