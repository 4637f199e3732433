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
RUN=$ROOT/run/lockstep-guard
TAB='	'
NEWLINE='
'
RETURN=$(printf '\r')

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

# Reads all settings into variables. The file is read, never run; the last line of a name counts, and what can't be
# understood counts as not set, with a warning.
read_settings() {
  HOLD=yes MAX_HOLD_DAYS='' FALLBACK=none EXCEPT='' BOOT_DEFAULT=yes REBOOT=discourage
  [ -r "$CONF" ] || return 0
  before=$IFS
  IFS=" $TAB"
  set -f
  while read -r line || [ -n "$line" ]; do
    line=${line%%#*}
    name=${line%%=*} value=${line#*=}
    [ "$name" != "$line" ] || continue
    # Unquoted: the shell takes the blanks away.
    # shellcheck disable=SC2086
    set -- $name
    name=${1:-}
    # shellcheck disable=SC2086
    set -- $value
    value="$*"
    value=${value%"$RETURN"}
    value=${value#[\"\']}
    take_setting "$name" "${value%[\"\']}"
  done <"$CONF"
  set +f
  IFS=$before
}

take_setting() {
  case $1:$2 in
    hold:yes | hold:warn | hold:no) HOLD=$2 ;;
    max-hold-days:*[!0-9]*) warn "$CONF: max-hold-days=$2 is no number of days; there is no limit" ;;
    max-hold-days:??????*) warn "$CONF: max-hold-days=$2 is too long; there is no limit" ;;
    # A number that begins with 0 is octal for the shell.
    max-hold-days:*) MAX_HOLD_DAYS=${2#"${2%%[!0]*}"}; MAX_HOLD_DAYS=${MAX_HOLD_DAYS:-${2:+0}} ;;
    fallback:dkms | fallback:none) FALLBACK=$2 ;;
    except:*) EXCEPT=$2 ;;
    boot-default:yes | boot-default:no) BOOT_DEFAULT=$2 ;;
    reboot:discourage | reboot:no) REBOOT=$2 ;;
    *) warn "$CONF: $1=$2 is no setting, and does not count" ;;
  esac
}

# Whether the administrator has taken a module out: by its name, or by name:flavour.
is_excepted() {
  case " $EXCEPT " in
    *" $1 "* | *" $1:$2 "*) return 0 ;;
  esac
  return 1
}

# Writes standard input, a text, to a file, whole or not at all. When it does not differ nothing is touched, not the folder
# either: archive() looks at the times of folders. Status 0: it is as it shall be;
# 3: it was changed; 1: it can't be written.
put_file() (
  umask 022
  # The x keeps the newlines at its end.
  text=$(cat && echo x) || return 1
  text=${text%x}
  if [ -e "$1" ] && printf '%s' "$text" | cmp -s - "$1" 2>/dev/null; then
    return 0
  fi
  # apt and run-parts ignore names with this ending; the guard may run twice at a time.
  new=$1.$$.dpkg-new
  [ -d "${1%/*}" ] || mkdir -p "${1%/*}" 2>/dev/null || return 1
  # Never through a link, which others may have put into a folder of theirs.
  if [ -e "$new" ] || [ -h "$new" ]; then
    rm -f "$new" 2>/dev/null
  fi
  set -C
  { printf '%s' "$text" >"$new"; } 2>/dev/null || { rm -f "$new" 2>/dev/null; return 1; }
  { [ "${2:-644}" = 644 ] || chmod "$2" "$new"; } && mv -f "$new" "$1" 2>/dev/null || { rm -f "$new" 2>/dev/null; return 1; }
  return 3
)
