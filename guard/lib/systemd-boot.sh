# shellcheck shell=sh
# systemd-boot's default entry: a line in its loader.conf. Needs settings.sh and boot.sh.

MARK='# lockstep-guard'

# Prints the path of loader.conf; nothing when systemd-boot isn't installed.
loader_conf() {
  for folder in /efi /boot/efi /boot; do
    if [ -e "$ROOT$folder/loader/loader.conf" ]; then
      printf '%s\n' "$ROOT$folder/loader/loader.conf"
      return 0
    fi
  done
}

has_systemd_boot() {
  [ -n "$(loader_conf)" ]
}

# Prints a variable of the firmware that boot loaders set, or read; nothing when it is not set.
loader_variable() {
  tail -c +5 "$ROOT/sys/firmware/efi/efivars/$1-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f" 2>/dev/null | tr -d '\000'
}

# Prints the ids of a release's entries: names of files without the count of tries.
loader_entries() {
  for folder in /efi /boot/efi /boot; do
    for entry in "$ROOT$folder"/loader/entries/*-"$1".conf "$ROOT$folder"/loader/entries/*-"$1"+[0-9]*.conf \
      "$ROOT$folder"/EFI/Linux/*-"$1".efi "$ROOT$folder"/EFI/Linux/*-"$1"+[0-9]*.efi; do
      [ -e "$entry" ] || continue
      name=${entry##*/}
      printf '%s-%s.%s\n' "${name%-"$1"*}" "$1" "${name##*.}"
    done
  done
}

# Whether a pattern of loader.conf is for one of a release's entries, or, in a kernel's hooks, for one that comes: it is
# named as those of another release.
# usage: is_entry_of RELEASE PATTERN [OTHER-RELEASE]
is_entry_of() (
  coming=$([ -z "${3:-}" ] || loader_entries "$3" | while read -r id; do
    printf '%s-%s.%s\n' "${id%-"$3".*}" "$1" "${id##*.}"
  done)
  for id in $(loader_entries "$1") $coming; do
    # shellcheck disable=SC2254 # systemd-boot's patterns are the shell's
    case $id in
      $2) exit 0 ;;
    esac
  done
  exit 1
)

# The default that a loader.conf on standard input has; empty when there is none.
default_in() {
  tr -d '\r' | sed -n 's/^[[:blank:]]*default[[:blank:]][[:blank:]]*//p' | sed 's/[[:blank:]]*$//' | tail -n 1
}

# Prints loader.conf with another default, or as the administrator has it. Their own default is kept as a comment; the
# last line may end without a newline, which ours then says.
# usage: with_default LOADER.CONF [PATTERN]
with_default() {
  joined=
  [ -z "$(tail -c 1 "$1" 2>/dev/null)" ] || joined=' (joined)'
  awk -v mark="$MARK" -v pattern="${2:-}" -v joined="$joined" '
    function put(text) {
      printf "%s%s", (lines++ ? "\n" : ""), text
    }
    $0 == mark || $0 == mark " (joined)" {
      joined = substr($0, length(mark) + 1)
      getline
      next
    }
    index($0, mark ": ") == 1 { $0 = substr($0, length(mark) + 3) }
    pattern != "" && /^[ \t]*default[ \t]/ { $0 = mark ": " $0 }
    { put($0) }
    END {
      if (pattern != "") { put(mark joined); put("default " pattern "\n") }
      else if (lines && joined == "") printf "\n"
    }' "$1"
}

# Changes the line while there is a choice; puts the administrator's own back when there is none.
systemd_boot_refresh() (
  conf=$(loader_conf)
  [ -n "$conf" ] || return 0
  good=$(chosen_boot)
  pattern=
  if [ -n "$good" ]; then
    own=$(with_default "$conf" | default_in)
    entries=$(loader_entries "$good")
    pattern=$(sed -n 's/^avoid //p' "$BOOT" | while read -r release; do
      if [ -n "$entries" ] && { [ -z "$own" ] || is_entry_of "$release" "$own" "$good"; }; then
        printf '%s\n' "*-$good.conf"
        break
      fi
    done)
    if [ -n "$pattern" ] && [ "$(printf '%s\n' "$entries" | sed -n 's/.*\.//p' | sort -u)" = efi ]; then
      pattern="*-$good.efi"
    fi
    # Another system of the machine may have the same kernel.
    token=$(cat "$ROOT/etc/kernel/entry-token" 2>/dev/null || cat "$ROOT/etc/machine-id" 2>/dev/null)
    if [ -n "$pattern" ] && [ "$(printf '%s\n' "$entries" | sort -u | grep -c "\.${pattern##*.}$")" -gt 1 ] &&
      printf '%s\n' "$entries" | grep -qxF "$token${pattern#\*}"; then
      pattern=$token${pattern#\*}
    fi
  fi
  if [ -z "$pattern" ] && ! grep -qF "$MARK" "$conf" 2>/dev/null; then
    return 0
  fi
  copy=$conf.lockstep-new
  if with_default "$conf" "$pattern" >"$copy" 2>/dev/null; then
    cmp -s "$copy" "$conf" && rm -f "$copy" && return 0
    mv -f "$copy" "$conf" 2>/dev/null && return 0
  fi
  rm -f "$copy" 2>/dev/null
  warn "$conf can't be written: systemd-boot's default stays as it is"
)

# The release that systemd-boot starts by itself; nothing when its default is another system, or not to be told.
systemd_boot_next() (
  conf=$(loader_conf)
  # Once, for good, or what loader.conf says.
  own=$(loader_variable LoaderEntryOneShot)
  [ -n "$own" ] || own=$(loader_variable LoaderEntryDefault)
  [ -n "$own" ] || own=$(default_in <"$conf")
  for release in $(installed_kernels); do
    if [ -z "$own" ] || is_entry_of "$release" "$own"; then
      printf '%s\n' "$release"
      return 0
    fi
  done
)
