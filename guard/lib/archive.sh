# shellcheck shell=sh
# What apt's lists have of kernel metapackages and tracking packages. Needs settings.sh.

# Prints the installed metapackages of kernels: name[:architecture]  version  release they point to
# Status 1: it can't be told; dpkg-query ends with 1 when there is none.
installed_metapackages() {
  # shellcheck disable=SC2016 # the format is dpkg-query's
  images=$(dpkg-query ${ROOT:+--admindir="$ROOT/var/lib/dpkg"} \
    -W -f '${db:Status-Status}\t${binary:Package}\t${Version}\t${Provides}\n' 'linux-image-*' 2>/dev/null)
  [ $? -le 1 ] || return 1
  printf '%s\n' "$images" |
    awk -F '\t' -v OFS='\t' '$1 == "installed" && match($4, /linux-latest-modules-[^ ,]+/) {
      print $2, $3, substr($4, RSTART + 21, RLENGTH - 21)
    }'
}

# Prints what the lists have of packages, whose names are the arguments, a line each:
#   kernel  metapackage[:architecture]  version  release
#   module  tracking-package            version  release  module-package|-
#   rank    metapackage[:architecture]  version  priority: as apt has it but for our own pins, the highest version first
# apt-cache is only asked when the lists, or the packages, are not those of the last time: after each dpkg run it reads
# all of dpkg's status again, which takes it half a second. Variable: metapackages, as installed_metapackages prints them.
archive() {
  asked=$*
  # The lists of file: sources are links to files that change in place.
  stamp="$({
    stat -L -c '%y %s %i' "$ROOT/var/lib/apt/lists" "$ROOT"/var/lib/apt/lists/*_Packages* "$ROOT"/etc/apt/sources.list* \
      "$ROOT"/etc/apt/apt.conf* "$WANTED"/* 2>/dev/null
    own_preferences
    # One that is installed from a file is in no list.
    # shellcheck disable=SC2154 # find_holds sets it
    printf '%s\n' "$metapackages"
  } | cksum) $asked"
  if [ -r "$STATE/archive" ] && [ "$(head -n 1 "$STATE/archive" 2>/dev/null)" = "$stamp" ]; then
    tail -n +2 "$STATE/archive"
    return 0
  fi
  found=$(read_archive "$@" && read_ranks "$@") || return 1
  # The installed packages are always among them: an answer without one, or its rank, is a failure.
  case "$#$NEWLINE$found" in
    "0$NEWLINE"*) ;;
    *"${NEWLINE}rank$TAB"*) ;;
    *) return 1 ;;
  esac
  # While dpkg runs, apt may not know yet what is installed: this answer is not for the next time.
  unknown=$(
    in_columns
    printf '%s\n' "$metapackages" | while read -r name version _release; do
      case " $asked $NEWLINE$found" in
        *" $name "*"${NEWLINE}rank$TAB$name$TAB$version$TAB"*) ;;
        *" $name "*) echo yes ;;
      esac
    done
  )
  printf '%s\n%s\n' "${unknown:+- }$stamp" "$found" | put_file "$STATE/archive"
  printf '%s\n' "$found"
}

read_archive() {
  [ $# -gt 0 ] || return 0
  native=$(apt-config dump --format '%v%n' APT::Architecture 2>/dev/null)
  apt-cache show -- "$@" 2>/dev/null | awk -v native="$native" -v asked="$*" -v OFS='\t' '
    function flush(   depends, count, i, name, release, needs) {
      if (package == "") return
      name = package
      if (native != "" && architecture != native && architecture != "all" && index(" " asked " ", " " package ":" architecture " "))
        name = package ":" architecture
      if (match(provides, /linux-latest-modules-[^ ,]+/))
        print "kernel", name, version, substr(provides, RSTART + 21, RLENGTH - 21)
      else {
        count = split(depends_field, depends, /, */)
        for (i = 1; i <= count; i++) {
          sub(/ .*/, "", depends[i])
          if (depends[i] ~ /^linux-latest-modules-/) release = substr(depends[i], 22)
        }
        needs = "-"
        for (i = 1; i <= count; i++)
          if (release != "" && depends[i] ~ /-modules-/ && depends[i] !~ /^linux-latest-modules-/ &&
              substr(depends[i], length(depends[i]) - length(release) + 1) == release) needs = depends[i]
        if (release != "") print "module", package, version, release, needs
      }
      package = architecture = version = provides = depends_field = ""
    }
    /^$/ { flush() }
    /^Package: / { package = substr($0, 10) }
    /^Architecture: / { architecture = substr($0, 15) }
    /^Version: / { version = substr($0, 10) }
    /^Provides: / { provides = substr($0, 11) }
    /^Depends: / { depends_field = substr($0, 10) }
    END { flush() }
  ' | LC_ALL=C sort -u
}

# The administrator's own pins.
own_preferences() {
  for file in "$ROOT/etc/apt/preferences" "$ROOT"/etc/apt/preferences.d/*; do
    case ${file##*/} in
      lockstep-guard) ;;
      preferences | *.pref) cat "$file" 2>/dev/null && echo ;;
      *.*) ;;
      *) cat "$file" 2>/dev/null && echo ;;
    esac
  done
}

# Prints the lines `rank` of archive().
read_ranks() {
  own_preferences | put_file "$STATE/preferences"
  apt-cache -o Dir::Etc::Preferences="$STATE/preferences" -o Dir::Etc::PreferencesParts=/nonexistent policy -- "$@" 2>/dev/null |
    awk -v OFS='\t' '
      /^[^ ].*:$/ { name = substr($0, 1, length($0) - 1); next }
      /^ (\*\*\*|   ) [^ ]+ -?[0-9]+/ { if (name ~ /^linux-image-/) print "rank", name, $(NF - 1), $NF }
    '
}

# Prints the versions of a metapackage that apt prefers to the installed one, the one that it would bring first:
#   version  release
# usage: candidates NAME INSTALLED ARCHIVE
candidates() {
  printf '%s\n' "$3" | awk -F '\t' -v OFS='\t' -v name="$1" -v installed="$2" '
    $2 != name { next }
    $1 == "kernel" { release[$3] = $4 }
    $1 == "rank" && $3 == installed { own = $4; known = 1 }
    $1 == "rank" && !known { version[++count] = $3; rank[count] = $4 }
    END {
      for (i = 1; i <= count; i++)
        if (rank[i] > 0 && rank[i] >= own + 0 && version[i] in release) print rank[i], version[i], release[version[i]]
    }' | sort -s -k 1,1nr | cut -f 2-
}

# Whether apt's lists have a package: asked only when a message shall name it.
is_published() {
  # Not pkgnames: that has packages which are removed, but not purged.
  apt-cache madison -- "$1" 2>/dev/null | grep -q .
}
