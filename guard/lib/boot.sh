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

# Prints the release that the boot loader is led to; nothing when its own choice is good.
chosen_boot() {
  sed -n 's/^default //p' "$BOOT" 2>/dev/null
}

# Brings the boot loaders in step with the choice.
# usage: refresh_boot WANTED [in-kernel-hook]: in a kernel's hooks update-grub comes after us
refresh_boot() (
  choice=$(choose_boot "$1")
  changed=0
  if [ -n "$choice" ]; then
    printf '%s\n' "$choice" | put_file "$BOOT"
    changed=$?
  elif [ -e "$BOOT" ]; then
    rm -f "$BOOT" 2>/dev/null || changed=1
  fi
  if [ "$changed" = 1 ]; then
    warn "$BOOT can't be written: the boot loader's default stays as it is"
    return 0
  fi
  grub_refresh "${2:-}"
  systemd_boot_refresh
  if [ -n "$choice" ] && [ "$changed" = 3 ] && ! has_made_grub && ! has_systemd_boot; then
    warn "there is no boot loader's configuration that lockstep-guard knows (GRUB's that grub-mkconfig makes, systemd-boot's): see to it that it starts $(chosen_boot)"
  fi
  return 0
)

# The release that the boot loader starts by itself, as far as this can be told: nothing when it is another system. Boot
# loaders that the guard does not know are taken to start the newest kernel.
next_boot() {
  if has_systemd_boot && { ! has_grub || loader_variable LoaderInfo | grep -q systemd-boot; }; then
    systemd_boot_next
  elif has_grub; then
    grub_next
  else
    installed_kernels | head -n 1
  fi
}
