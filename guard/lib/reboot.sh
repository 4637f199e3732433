# shellcheck shell=sh
# Discourages a reboot that would lead into a kernel without its modules. Needs settings, wanted, kernels and boot.

# Prints why the next boot is a bad one; nothing when it is good, or unknown.
bad_reboot() (
  release=$(next_boot)
  [ -n "$release" ] && ! is_allowed "$release" || return 0
  missing=$(lacking "$release" "$1" | tr '\n' ' ')
  [ -z "$missing" ] || printf 'the next boot is into Linux %s, which lacks: %s\n' "$release" "${missing% }"
)

# Keeps /run/lockstep-guard/reboot, which molly-guard, needrestart and the inhibitor look for, and adds our reason to
# the list of those who ask for a reboot.
refresh_reboot() (
  why='' known=''
  [ ! -e "$RUN/reboot" ] || known=yes
  if [ "$REBOOT" != no ]; then
    why=$(bad_reboot "$1")
  fi
  if [ -z "$why" ]; then
    rm -f "$RUN/reboot" 2>/dev/null
  else
    printf '%s\n' "$why" | put_file "$RUN/reboot"
    if [ -e "$ROOT/run/reboot-required" ] && ! grep -qF lockstep-guard "$ROOT/run/reboot-required" 2>/dev/null; then
      printf '*** not yet: %s (lockstep-guard status) ***\n' "$why" >>"$ROOT/run/reboot-required" 2>/dev/null
    fi
  fi
  if [ -n "$why" ]; then
    with_systemd start lockstep-guard-inhibit.service
  elif [ -n "$known" ]; then
    with_systemd stop lockstep-guard-inhibit.service
  fi
  return 0
)
