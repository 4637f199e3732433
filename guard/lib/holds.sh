# shellcheck shell=sh
# Which kernels apt would bring without a wanted module. Needs settings, wanted, kernels and archive.

# Whether a kernel has, or will have, a module without its tracking package.
# usage: is_exempt RELEASE MODULE FLAVOUR PREFIX TRACK
is_exempt() {
  is_excepted "$2" "$3" && return 0
  is_installed "$4$1" && return 0
  was_in_tree "$1" "$2" && return 0
  dkms_builds "$2" "$5"
}

# Whether a tracking package points to a kernel, so that both come together. usage: follows RELEASE PACKAGE PREFIX ARCHIVE
follows() {
  printf '%s\n' "$4" | awk -F '\t' -v package="$2" -v release="$1" -v prefix="$3" '
    $1 == "module" && $2 == package && $4 == release && ($5 == "-" || $5 == prefix release) { found = 1 }
    END { exit !found }'
}

# Prints how a kernel comes by a module, by any of the module's tracking packages for the flavour: together; exempt, when it
# needs none; lacks.
# usage: coming RELEASE MODULE TRACK ARCHIVE WANTED
coming() (
  printf '%s\n' "$5" | {
    in_columns
    found=lacks
    while read -r module flavour package prefix _files _in_tree _origin; do
      [ "$module" = "$2" ] && is_flavour "$1" "$flavour" || continue
      if follows "$1" "$package" "$prefix" "$4"; then
        found=together
        break
      fi
      ! is_exempt "$1" "$module" "$flavour" "$prefix" "$3" || found=exempt
    done
    echo "$found"
  }
)

# Whether DKMS will build a module for a new kernel of a track, and that may count.
dkms_builds() {
  [ "$FALLBACK" = dkms ] && is_installed "$1-dkms" && is_installed "linux-headers-$2"
}

# Whether the administrator lets a release in, and boot, without its modules.
is_allowed() {
  grep -qxF "$1" "$STATE/allowed" 2>/dev/null
}

# Seconds since 1970 at which it was first seen that a release lacks a module: now, when it was not known yet. A time before
# there was a guard is that of a machine whose clock was not set.
since() {
  awk -F '\t' -v release="$1" -v module="$2" '$1 == release && $4 == module && $5 >= 1700000000 { print $5; exit }' \
    "$STATE/holds" 2>/dev/null | grep -x '[0-9][0-9]*' || printf '%s\n' "$NOW"
}

# What becomes of a kernel that has lacked a module since a time: held, warn, past (the longest time is over), no.
fate() {
  if [ "$HOLD" = yes ] && [ -n "$MAX_HOLD_DAYS" ] && [ $((NOW - $1)) -ge $((MAX_HOLD_DAYS * 86400)) ]; then
    echo past
  elif [ "$HOLD" = yes ]; then
    echo held
  else
    echo "$HOLD"
  fi
}

# Prints a line for each kernel that apt would bring and each wanted module that would not come with it:
#   release  metapackage  version  module  since  held|warn|past|no|allowed|exempt  tracking-package  origin
# exempt: it does not lack the module, but the tracking package can't follow.
# usage: find_holds WANTED; status 1 when apt's lists can't be read
find_holds() (
  table=$1
  metapackages=$(installed_metapackages) || return 1
  # The metapackages of wanted flavours, and all tracking packages.
  names=$(
    in_columns
    printf '%s\n' "$metapackages" | while read -r name _version release; do
      [ -z "$(wanted_for "$release" "$table")" ] || printf '%s\n' "$name"
    done
  )
  [ -n "$names" ] || return 0
  # shellcheck disable=SC2046,SC2086 # names of packages have no blanks
  lists=$(archive $names $(printf '%s\n' "$table" | cut -f 3 | sort -u)) || return 1
  NOW=$(date +%s)
  printf '%s\n' "$metapackages" | {
    in_columns
    while read -r name installed _release; do
      candidates "$name" "$installed" "$lists" | while read -r version release; do
        track=${name#linux-image-}
        lacks=$(wanted_for "$release" "$table" | while read -r module package _prefix origin; do
          how=$(coming "$release" "$module" "${track%:*}" "$lists" "$table")
          [ "$how" != together ] || continue
          first=$(since "$release" "$module")
          state=$(fate "$first")
          ! is_allowed "$release" || state=allowed
          [ "$how" = lacks ] || state=exempt
          printf '%s\n' "$release$TAB$name$TAB$version$TAB$module$TAB$first$TAB$state$TAB$package$TAB$origin"
        done)
        # What apt likes less than a kernel that has its modules does not come.
        [ -n "$lacks" ] || break
        printf '%s\n' "$lacks"
      done
    done
  }
)

# Prints the holds without those of kernels that are there already and need nothing: nobody waits for them.
without_needless() (
  in_columns
  printf '%s\n' "$1" | while read -r release name version module first state package origin; do
    case $state in
      '') continue ;;
      exempt) ! has_image "$release" || continue ;;
    esac
    printf '%s\n' "$release$TAB$name$TAB$version$TAB$module$TAB$first$TAB$state$TAB$package$TAB$origin"
  done
)

# Prints a time span since a time, in words.
age() {
  days=$((($(date +%s) - $1) / 86400))
  case $days in
    0) echo 'less than a day' ;;
    1) echo '1 day' ;;
    *) echo "$days days" ;;
  esac
}

# Prints a line or two for each held kernel and module, for people. usage: describe_holds FILE
describe_holds() (
  in_columns
  while read -r release name _version module first state package origin; do
    day=$(date -d "@$first" +%Y-%m-%d 2>/dev/null || printf '%s' "@$first")
    case $state in
      exempt)
        printf 'Linux %s needs nothing of %s, but %s waits for it: apt install linux-image-%s\n' \
          "$release" "$package" "$name" "$release"
        continue
        ;;
      held) what="$name is held back" ;;
      past) what="can be installed by its name, since max-hold-days is over: apt install linux-image-$release" ;;
      allowed) what="is allowed: apt install linux-image-$release" ;;
      *) what="can be installed by its name, since hold=$state: apt install linux-image-$release" ;;
    esac
    printf 'Linux %s lacks the module %s: %s\n' "$release" "$module" "$what"
    modules=${package%-modules-*}-modules-$release
    if is_published "$modules"; then
      printf '  it is published, but not by %s: apt install %s\n' "$package" "$modules"
    else
      printf '  %s asks for it, and "%s" has not published it yet; missing since %s (%s)\n' "$package" "$origin" "$day" "$(age "$first")"
    fi
  done <"$1"
)
