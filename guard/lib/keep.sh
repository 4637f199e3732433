# shellcheck shell=sh
# Keeps apt's autoremove away from the kernel that the boot loader starts in the place of a newer one. Needs settings and
# boot.

KEEP=$ROOT/etc/apt/apt.conf.d/52lockstep-guard-keep

refresh_keep() (
  release=$(chosen_boot | sed 's/[.+]/\\\\&/g')
  if [ -z "$release" ]; then
    rm -f "$KEEP" 2>/dev/null
    return 0
  fi
  {
    echo '// Made by lockstep-guard, which changes and removes it: the newest kernel that has all wanted modules.'
    printf 'APT::NeverAutoRemove:: "^linux-(image|binary|modules|base)-%s$";\n' "$release"
    printf 'APT::NeverAutoRemove:: "^.+-modules-%s$";\n' "$release"
  } | put_file "$KEEP"
  [ $? -ne 1 ] || warn "$KEEP can't be written"
)
