# shellcheck shell=sh
# The last look at what apt is about to unpack: DPkg::Pre-Install-Pkgs, protocol 3. Needs settings, wanted, kernels,
# archive and holds.

# Reads apt's words and prints what matters of them:
#   allow                         the administrator said Lockstep::Allow=true
#   command  word                 a word of the command line
#   new      release  file|-      an image that is not installed
#   gone     release              an image that is removed
#   moved    metapackage          one of kernels that stays, in another version
#   module   package  file|-      some package of modules that comes or stays
#   dropped  package              one that is removed
read_transaction() {
  awk -v OFS='\t' '
    function release_of(name) {
      sub(/^linux-(image|binary)-(unsigned-)?/, "", name)
      sub(/-unsigned$/, "", name)
      return name
    }
    !words && /^$/ { words = 1; next }
    !words {
      if (tolower($0) ~ /^lockstep::allow=("?)(true|yes|1|on|with|enable)("?)$/) print "allow"
      if (sub(/^CommandLine::AsString=/, "")) {
        n = split($0, word, /( |%20)+/)
        for (i = 1; i <= n; i++) if (word[i] != "") print "command", word[i]
      }
      next
    }
    {
      action = $NF
      for (i = 10; i <= NF; i++) action = (i == 10 ? $9 : action) " " $i
      # A release has a dot, which the flavour of linux-image-686-pae has not.
      if ($1 ~ /^linux-(image|binary)-(unsigned-)?[0-9]+\./ && $1 !~ /-dbg$/) {
        if (action == "**REMOVE**") print "gone", release_of($1)
        else if ($2 == "-") print "new", release_of($1), (action ~ /^\*\*/ ? "-" : action)
      } else if ($1 ~ /^linux-image-[a-z0-9]/ && $1 !~ /-dbg$/) {
        if ($2 != "-" && $6 != "-" && $5 != "=") print "moved", $1
      } else if ($1 ~ /-modules-/) {
        if (action == "**REMOVE**") print "dropped", $1
        else print "module", $1, (action ~ /^\*\*/ ? "-" : action)
      }
    }'
}

# Whether the transaction brings a tracking package that says that the kernel itself has the module.
says_in_tree() {
  file=$(printf '%s\n' "$TRANSACTION" | awk -F '\t' -v name="$2" '$1 == "module" && $2 == name { print $3; exit }')
  [ -n "$file" ] && [ "$file" != - ] || return 1
  depends=$(dpkg-deb -f "$file" Depends 2>/dev/null) || return 1
  case ", $depends," in
    *", $3$1"[,\ ]*) return 1 ;;
    *", linux-latest-modules-$1,"*) return 0 ;;
  esac
  return 1
}

# Whether a tracking package goes because the administrator named it: then its module is not wanted any more. One that
# the solver takes away is.
is_given_up() (
  has_line dropped "$1" || exit 1
  set -f
  for word in $(printf '%s\n' "$TRANSACTION" | sed -n "s/^command$TAB//p"); do
    word=${word%%[:=]*}
    # The word may be a pattern.
    # shellcheck disable=SC2254
    case $1 in
      $word | ${word%-}) exit 0 ;;
    esac
  done
  exit 1
)

# The table of what is wanted, without what is given up.
still_wanted() (
  wanted | while IFS= read -r row; do
    package=$(printf '%s\n' "$row" | cut -f 3)
    is_given_up "$package" || printf '%s\n' "$row"
  done
)

# Whether the transaction has a line of some kind. usage: has_line KIND NAME
has_line() {
  printf '%s\n' "$TRANSACTION" | cut -f 1,2 | grep -qxF "$1$TAB$2"
}

# Whether a kernel that comes will have a module.
comes_with() {
  has_line module "$4$1" && return 0
  if ! has_line dropped "$4$1"; then
    has_module "$1" "$2" "$3" "$4" "$5" "$6" && return 0
    is_installed "$4$1" && return 0
  fi
  dkms_comes "$2" "$1" && return 0
  says_in_tree "$1" "$7" "$4"
}

# As comes_with, by any of the module's tracking packages for the flavour. usage: any_comes_with RELEASE MODULE WANTED
any_comes_with() (
  printf '%s\n' "$3" | {
    in_columns
    while read -r module flavour package prefix files in_tree _origin; do
      [ "$module" = "$2" ] && is_flavour "$1" "$flavour" &&
        comes_with "$1" "$module" "$flavour" "$prefix" "$files" "$in_tree" "$package" && exit 0
    done
    exit 1
  }
)

dkms_comes() {
  [ "$FALLBACK" = dkms ] && is_installed "$1-dkms" || return 1
  [ -e "$ROOT/var/lib/dpkg/info/linux-headers-$2.list" ] || [ -e "$ROOT/usr/src/linux-headers-$2" ] ||
    { for track in "$ROOT"/var/lib/dpkg/info/linux-headers-[a-z]*.list; do [ -e "$track" ] && return 0; done; return 1; }
}

# Says why a kernel does not come, and the ways on.
refuse_kernel() (
  release=$1 module=$2 package=$3 prefix=$4 origin=$5 first=$6
  say "not installing Linux $release: it would come without the module $module," >&2
  {
    if is_published "$prefix$release"; then
      printf '  which this machine wants (%s). "%s" has published it. The ways on:\n' "$package" "$origin"
      printf '    with its module      add  %s  to the same command\n' "$prefix$release"
    else
      printf '  which this machine wants (%s). "%s" has not published it yet; missing since %s (%s). The ways on:\n' \
        "$package" "$origin" "$(date -d "@$first" +%Y-%m-%d 2>/dev/null)" "$(age "$first")"
      printf '    wait                 it comes by itself with  apt upgrade  once it is published; all else can be upgraded now\n'
    fi
    printf '    without it, once     give  -o Lockstep::Allow=true  to the same command\n'
    printf '    without it, always   apt remove %s\n' "$package"
  } >&2
)

# Prints modules that a transaction takes away from the machine: there was an installed kernel with all of them, and after
# it there is none. Nothing when no kernel goes, or none is installed.
loses_last_kernel() (
  gone=$(printf '%s\n' "$TRANSACTION" | sed -n "s/^gone$TAB//p" | sort -u)
  [ -n "$gone" ] || return 1
  had='' left='' any=''
  for release in $(installed_kernels); do
    whole=
    [ -n "$(lacking "$release" "$1")" ] || whole=yes
    [ -z "$whole" ] || had=yes
    if printf '%s\n' "$gone" | grep -qxF "$release"; then
      # An image that is replaced by its unsigned twin, or the other way round, stays.
      has_line new "$release" || continue
    fi
    any=yes
    [ -z "$whole" ] || left=yes
  done
  [ "$had" = yes ] && [ -z "$left" ] || return 1
  # A kernel that comes in the same transaction was looked at already.
  if printf '%s\n' "$TRANSACTION" | grep -q "^new$TAB"; then
    return 1
  fi
  printf '%s\n' "${any:-none}"
)

# Refuses to give up tracking packages that stand in the way of a kernel metapackage and that nobody named: kernels would
# come without their modules from then on. Status 0: refused.
refuse_loss() (
  moved=$(printf '%s\n' "$TRANSACTION" | sed -n "s/^moved$TAB//p" | tr '\n' ' ')
  [ -n "$moved" ] || exit 1
  [ -n "$1" ] || exit 1
  lost=" $(printf '%s\n' "$1" | tr '\n' ' ' | sed 's/ $//')"
  {
    say "not removing$lost: this machine wants it, and it does not go with that version of ${moved% }. The ways on:"
    printf '    a kernel alone       install it by its name: linux-image-RELEASE\n'
    printf '    all the same         name the package as well:%s\n' "$(printf '%s' "$lost" | sed 's/ [^ ]*/&-/g')"
  } >&2
)

# Prints the tracking packages that the solver takes away.
dropped_tracks() {
  printf '%s\n' "$1" | cut -f 3 | sort -u | while read -r package; do
    ! has_line dropped "$package" || printf '%s\n' "$package"
  done
}

# The gate. Status 10: refused, with the reason on standard error; anything else is no refusal.
gate() {
  TRANSACTION=$(read_transaction)
  case $TRANSACTION in
    *"new$TAB"* | *"gone$TAB"* | *"moved$TAB"* | *"dropped$TAB"*) ;;
    *) return 0 ;;
  esac
  table=$(still_wanted)
  [ -n "$table" ] || return 0
  read_settings
  [ "$HOLD" != no ] || return 0
  NOW=$(date +%s)
  allow=
  ! printf '%s\n' "$TRANSACTION" | grep -qx allow || allow=yes
  dropped=$(dropped_tracks "$table")
  refused=$(printf '%s\n' "$TRANSACTION" | awk -F '\t' '$1 == "new" && !seen[$2]++ { print $2 }' | while read -r release; do
    # What is there already is not new: an image in the place of its unsigned twin.
    ! has_image "$release" || continue
    is_allowed "$release" && continue
    wanted_for "$release" "$table" | {
      in_columns
      while read -r module package prefix origin; do
        any_comes_with "$release" "$module" "$table" && continue
        first=$(since "$release" "$module")
        state=$(fate "$first")
        if [ -n "$allow" ] || [ "$state" != held ]; then
          warn "Linux $release comes without the module $module (missing for $(age "$first"))"
        else
          refuse_kernel "$release" "$module" "$package" "$prefix" "$origin" "$first"
          echo refused
        fi
      done
    }
  done)
  if [ -n "$refused" ]; then
    return 10
  fi
  if [ -z "$allow" ] && [ "$HOLD" = yes ] && refuse_loss "$dropped"; then
    return 10
  fi
  # shellcheck disable=SC2086 # on one line
  [ -z "$dropped" ] || warn "removed with this, and its modules looked after no more:" $dropped
  if after=$(loses_last_kernel "$table"); then
    if [ -n "$allow" ] || [ "$HOLD" != yes ]; then
      warn "the last kernel with all wanted modules goes"
      return 0
    fi
    say 'not removing the last kernel that has the modules which this machine wants:' >&2
    printf '  %s\n' "$(printf '%s\n' "$table" | cut -f 3 | sort -u | tr '\n' ' ')" >&2
    if [ "$after" = none ]; then
      printf '  No kernel would be left. Give  -o Lockstep::Allow=true  to the same command to do it all the same.\n' >&2
    else
      printf '  Remove these packages first, or give  -o Lockstep::Allow=true  to the same command.\n' >&2
    fi
    return 10
  fi
  return 0
}
