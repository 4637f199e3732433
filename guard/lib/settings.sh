# shellcheck shell=sh
# Where things lie, what the administrator has set, and how the guard speaks. Sourced first.

# For tests: a folder that stands for /, and where the guard's own files are.
ROOT=${LOCKSTEP_GUARD_ROOT:-}
SHARE=${LOCKSTEP_GUARD_SHARE:-/usr/share/lockstep-guard}

WANTED=$ROOT/usr/share/lockstep-guard/wanted
STATE=$ROOT/var/lib/lockstep-guard
CONF=$ROOT/etc/lockstep/guard.conf
PINS=$ROOT/etc/apt/preferences.d/lockstep-guard
ORIGINS=$ROOT/etc/apt/apt.conf.d/51lockstep-guard-origins
HOOKS=$ROOT/etc/apt/apt.conf.d/80lockstep-guard
RUN=$ROOT/run/lockstep-guard
TAB='	'
NEWLINE='
'

# Columns of every table are separated by one tab, and none is empty.
in_columns() {
  IFS=$TAB
}

say() {
  printf 'lockstep-guard: %s\n' "$*"
}

warn() {
  printf 'lockstep-guard: warning: %s\n' "$*" >&2
}

# The value of a setting, or the second argument. The file is read, never run; the last line of a name counts.
setting() {
  if [ -r "$CONF" ]; then
    set -- "$1" "$2" "$(sed -n "s/^[[:blank:]]*$1[[:blank:]]*=[[:blank:]]*//p" "$CONF" 2>/dev/null | tail -n 1)"
    set -- "$1" "$2" "$(printf '%s' "${3:-}" | tr -d "\"'\r" | sed 's/[[:blank:]]*\(#.*\)\{0,1\}$//')"
  fi
  printf '%s\n' "${3:-$2}"
}

# Reads all settings into variables; what can't be understood counts as not set, with a warning.
read_settings() {
  HOLD=$(setting hold yes)
  case $HOLD in
    yes | warn | no) ;;
    *)
      warn "$CONF: hold=$HOLD is none of yes, warn, no; yes is used"
      HOLD=yes
      ;;
  esac
  MAX_HOLD_DAYS=$(setting max-hold-days '')
  case $MAX_HOLD_DAYS in
    *[!0-9]*)
      warn "$CONF: max-hold-days=$MAX_HOLD_DAYS is no number of days; there is no limit now"
      MAX_HOLD_DAYS=
      ;;
  esac
  FALLBACK=$(setting fallback none)
  case $FALLBACK in
    dkms | none) ;;
    *)
      warn "$CONF: fallback=$FALLBACK is none of dkms, none; none is used"
      FALLBACK=none
      ;;
  esac
  EXCEPT=$(setting except '')
  BOOT_DEFAULT=$(setting boot-default yes)
  REBOOT=$(setting reboot discourage)
}

# Whether the administrator has taken a module out: by its name, or by name:flavour.
is_excepted() {
  case " $(printf '%s' "$EXCEPT" | tr ',\t' '  ') " in
    *" $1 "* | *" $1:$2 "*) return 0 ;;
  esac
  return 1
}

# Writes standard input to a file, whole or not at all, and only if it differs. Status 0: it is as it shall be;
# 3: it was changed; 1: it can't be written.
put_file() (
  umask 022
  # apt and run-parts ignore names with this ending.
  new=$1.dpkg-new
  mkdir -p "${1%/*}" "$STATE" 2>/dev/null && cat >"$new" 2>/dev/null || { rm -f "$new" 2>/dev/null; return 1; }
  if cmp -s "$new" "$1" 2>/dev/null; then
    rm -f "$new"
    return 0
  fi
  chmod "${2:-644}" "$new" && mv -f "$new" "$1" 2>/dev/null || { rm -f "$new" 2>/dev/null; return 1; }
  return 3
)
