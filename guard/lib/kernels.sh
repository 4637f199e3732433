# shellcheck shell=sh
# The installed kernels, and which of them have which module. Needs settings.sh and wanted.sh.

# Whether a release is one of a flavour: `6.1.0-56-cloud-amd64` is cloud-amd64's, not amd64's. Parts of an ABI name begin
# with a digit, but for the `rc7` of `6.13-rc7-amd64`.
is_flavour() {
  case $1 in
    [0-9]*-"$2") ;;
    *) return 1 ;;
  esac
  abi_name=-${1%-"$2"}
  case $abi_name in
    *-rc[0-9]*) abi_name=${abi_name%%-rc[0-9]*}${abi_name#*-rc} ;;
  esac
  case $abi_name in
    *-[!0-9]* | *- | *--*) return 1 ;;
  esac
}

# Prints the releases of the installed kernels, the newest first, as GRUB sorts them.
installed_kernels() (
  for image in "$ROOT"/boot/vmlinu[xz]-[0-9]*; do
    case $image in
      *.old | *.dpkg-* | *.efi.signed | *'*'*) ;;
      *) printf '%s\n' "${image##*/vmlinu[xz]-}" ;;
    esac
  done | LC_ALL=C sort -Vru
)

# Whether a kernel's image is there.
has_image() {
  [ -e "$ROOT/boot/vmlinuz-$1" ] || [ -e "$ROOT/boot/vmlinux-$1" ]
}

# Whether a package is installed. The list of files stays when one that has a postrm script is removed, but not purged.
is_installed() {
  [ -e "$ROOT/var/lib/dpkg/info/$1.list" ] || return 1
  # shellcheck disable=SC2016 # the format is dpkg-query's
  case $(dpkg-query ${ROOT:+--admindir="$ROOT/var/lib/dpkg"} -W -f '${db:Status-Status}' "$1" 2>/dev/null) in
    config-files | not-installed) return 1 ;;
  esac
}

# Whether files of a module lie in one of the folders of a release.
has_files() (
  release=$1
  folder=$2
  files=$3
  [ "$files" != - ] || return 1
  IFS=,
  for name in $files; do
    found=
    for at in "$ROOT/usr/lib/modules/$release/$folder/$name" "$ROOT/lib/modules/$release/$folder/$name"; do
      # Not what dpkg is still unpacking.
      if [ -e "$at.ko" ] || [ -e "$at.ko.xz" ] || [ -e "$at.ko.zst" ] || [ -e "$at.ko.gz" ]; then
        found=yes
        break
      fi
    done
    [ -n "$found" ] || return 1
  done
)

# Whether a kernel's own lists have all files of a module: built in, or wherever its maker puts them.
lists_files() (
  release=$1
  [ "$2" != - ] || return 1
  known=$(
    for folder in "$ROOT/usr/lib/modules" "$ROOT/lib/modules"; do
      cat "$folder/$release/modules.builtin" "$folder/$release/modules.order" "$folder/$release/modules.dep" 2>/dev/null
    done | sed -n '/^updates\/dkms\//d; s/:.*//; s/.*\///; s/\.ko\(\.[a-z]*\)\{0,1\}$//p' | tr _ -
  )
  IFS=,
  for name in $2; do
    printf '%s\n' "$known" | grep -qxF "$(printf '%s\n' "$name" | tr _ -)" || return 1
  done
)

# Whether an installed kernel has a module: by its package, by itself, by DKMS where that may count, or because the
# administrator said so.
# usage: has_module RELEASE MODULE FLAVOUR PREFIX FILES IN-TREE
has_module() {
  is_excepted "$2" "$3" && return 0
  has_files "$1" "updates/$2" "$5" && return 0
  [ "$5" = - ] && is_installed "$4$1" && return 0
  [ "$6" = "$1" ] && return 0
  was_in_tree "$1" "$2" && return 0
  [ "$FALLBACK" = dkms ] && has_files "$1" updates/dkms "$5" && return 0
  # Another maker's kernel, for which nobody publishes it, may bring it.
  ! is_flavour "$1" "$3" && lists_files "$1" "$5"
}

# Prints the wanted modules that an installed kernel lacks, a line each; the table of wanted() is the second argument.
# A module counts as lacking also in a kernel of a flavour for which nobody asked for it: the machine wants it.
lacking() (
  release=$1
  printf '%s\n' "$2" | {
    in_columns
    had=' ' missing=' '
    while read -r module flavour _package prefix files in_tree _origin; do
      [ -n "$module" ] || continue
      if has_module "$release" "$module" "$flavour" "$prefix" "$files" "$in_tree"; then
        had="$had$module "
      else
        missing="$missing$module "
      fi
    done
    IFS=' '
    for module in $missing; do
      case $had in
        *" $module "*) ;;
        *)
          printf '%s\n' "$module"
          had="$had$module "
          ;;
      esac
    done
  }
)

# Whether a tracking package has said that a release has a module itself. usage: was_in_tree RELEASE MODULE
was_in_tree() {
  grep -qxF "$2$TAB$1" "$STATE/in-tree" 2>/dev/null
}

# Remembers which releases have a module themselves: the tracking package names only the newest one.
remember_in_tree() {
  printf '%s\n' "$1" | awk -F '\t' '$6 != "-" { print $1 "\t" $6 }' | cat "$STATE/in-tree" - 2>/dev/null |
    sort -u | tail -n 200 | put_file "$STATE/in-tree"
}
