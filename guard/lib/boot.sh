# shellcheck shell=sh
# Which kernel the machine boots by itself: the newest that has all wanted modules. Needs settings, wanted and kernels.

BOOT=$STATE/boot

# Prints `default RELEASE` and an `avoid RELEASE` for each installed kernel that lacks a module, when the newest kernel is
# one of them; nothing when the boot loader's own choice is good, or when there is no better one.
choose_boot() (
  [ "$BOOT_DEFAULT" != no ] || return 0
  default='' avoid='' newest=''
  for release in $(installed_kernels); do
    if [ -z "$(lacking "$release" "$1")" ] || is_allowed "$release"; then
      default=${default:-$release}
      newest=${newest:-good}
    else
      avoid="$avoid${NEWLINE}avoid $release"
      newest=${newest:-bad}
    fi
  done
  [ "$newest" = bad ] && [ -n "$default" ] || return 0
  printf 'default %s%s\n' "$default" "$avoid"
)

# Brings the boot loaders in step with the choice.
# usage: refresh_boot WANTED [in-kernel-hook]: in a kernel's hooks update-grub comes after us
refresh_boot() (
  choice=$(choose_boot "$1")
  if [ -n "$choice" ]; then
    printf '%s\n' "$choice" | put_file "$BOOT"
    changed=$?
  elif [ -e "$BOOT" ]; then
    rm -f "$BOOT" 2>/dev/null
    changed=3
  else
    changed=0
  fi
  if [ "$changed" = 1 ]; then
    warn "$BOOT can't be written: the boot loader's default stays as it is"
    return 0
  fi
  grub_refresh "$changed" "${2:-}"
  systemd_boot_refresh
  if [ -n "$choice" ] && [ "$changed" = 3 ] && ! has_grub && [ -z "$(loader_conf)" ]; then
    warn 'the boot loader is none that lockstep-guard knows (GRUB, systemd-boot): choose the kernel yourself at the next boot'
  fi
)

# The release that the boot loader starts by itself, as far as this can be told; nothing otherwise.
next_boot() (
  if has_grub; then
    entry=$(sed -n 's/^[[:blank:]]*GRUB_DEFAULT=//p' "$ROOT"/etc/default/grub "$ROOT"/etc/default/grub.d/*.cfg 2>/dev/null |
      tail -n 1 | tr -d "\"'")
    if [ "$entry" = saved ]; then
      entry=$(sed -n 's/^saved_entry=//p' "$ROOT/boot/grub/grubenv" 2>/dev/null)
    fi
    for release in $(installed_kernels); do
      case $entry in
        *"gnulinux-$release-"* | *"Linux $release")
          if ! grep -qxF "avoid $release" "$BOOT" 2>/dev/null; then
            printf '%s\n' "$release"
            return 0
          fi
          ;;
      esac
    done
    case $entry in
      '' | 0 | *gnulinux*) ;;
      *[!0-9\>]*) return 0 ;;
    esac
  elif [ -z "$(loader_conf)" ]; then
    return 0
  fi
  if [ -s "$BOOT" ]; then
    sed -n 's/^default //p' "$BOOT"
  else
    installed_kernels | head -n 1
  fi
)
