# shellcheck shell=sh
# Discourages a reboot that would lead into a kernel without its modules. Needs settings, wanted, kernels and boot.

# Prints why the next boot is a bad one; nothing when it is good, unknown, or leads to where the machine is already.
# usage: bad_reboot WANTED NEXT-BOOT
bad_reboot() (
  release=$2
  [ -n "$release" ] && [ "$release" != "$(uname -r)" ] && ! is_allowed "$release" || return 0
  missing=$(lacking "$release" "$1" | tr '\n' ' ')
  [ -z "$missing" ] || printf 'the next boot is into Linux %s, which lacks: %s\n' "$release" "${missing% }"
)

# Keeps /run/lockstep-guard/reboot, which molly-guard, needrestart and the inhibitor look for, and adds our reason to
# the list of those who ask for a reboot. usage: refresh_reboot WANTED NEXT-BOOT
refresh_reboot() (
  why='' known=''
  [ ! -e "$RUN/reboot" ] || known=yes
  if [ "$REBOOT" != no ]; then
    why=$(bad_reboot "$1" "$2")
  fi
  if [ -z "$why" ]; then
    forget_reboot
  else
    printf '%s\n' "$why" | put_file "$RUN/reboot"
    note_reboot "$why"
    [ -n "$known" ] || with_systemd start lockstep-guard-inhibit.service
  fi
  return 0
)

NOTE='(lockstep-guard status) ***'

# Adds a line to the note of those who ask for a reboot, or takes it away.
note_reboot() {
  note=$ROOT/run/reboot-required
  [ -e "$note" ] || return 0
  {
    grep -vF "$NOTE" "$note" 2>/dev/null
    [ -z "$1" ] || printf '*** not yet: %s %s\n' "$1" "$NOTE"
  } | put_file "$note"
  return 0
}

# Nothing speaks against a reboot any more.
forget_reboot() {
  if [ -e "$RUN/reboot" ]; then
    rm -f "$RUN/reboot" 2>/dev/null
    with_systemd stop lockstep-guard-inhibit.service
  fi
  rmdir "$RUN" 2>/dev/null
  note_reboot ''
}
