#!/bin/sh
# usage: renew
#
# Gives the stanzas of sources.list.d that carry a former set of this repository's keys the set of now. Everything else in
# them stays. All files are prepared before the first one is replaced, each by a rename: apt refuses two sources of one
# address and suite that differ in their keys, and then reads none at all. What can't be brought up to date is told.
# The names of files in work end such that apt passes over them in silence.
set -u
here=$(dirname "$(readlink -f "$0")")
name=$(basename "$here")
keyring=/usr/share/keyrings/$name.pgp
ADDRESS=$(cat "$here/address")
export ADDRESS

parts=/etc/apt/sources.list.d/
list=/etc/apt/sources.list
if command -v apt-config >/dev/null; then
  eval "$(apt-config shell parts Dir::Etc::sourceparts/d list Dir::Etc::sourcelist/f)"
fi
work=.dpkg-lockstep

say() {
  printf '%s: %s\n' "$name" "$*"
}

# stanzas MODE FILE
stanzas() {
  awk -v mode="$1" -v keyring="$keyring" -v now="$here/keys.asc" -v former="$here/former" \
    -f "$here/renew.awk" "$2"
}

# each_file STEP
each_file() {
  for file in "${parts%/}"/*.sources; do
    [ -f "$file" ] || continue
    file=$(readlink -f "$file")
    case "$1" in
      prepare) prepare "$file" ;;
      replace) replace "$file" ;;
      drop) rm -f "$file$work" ;;
      tell) tell "$file" ;;
    esac || return 1
  done
}

# cp keeps owner and mode.
prepare() {
  rm -f "$1$work"
  cp -p "$1" "$1$work" && stanzas write "$1" >"$1$work" || return 1
  if cmp -s "$1" "$1$work"; then
    rm -f "$1$work"
  else
    sync "$1$work"
  fi
}

replace() {
  [ -e "$1$work" ] || return 0
  mv -f "$1$work" "$1" && say "$1 has the keys of now"
}

told=no
tell() {
  stanzas notes "$1" | while IFS= read -r note; do
    say "$1: $note"
  done
  if [ -n "$(stanzas notes "$1")" ]; then
    told=yes
  fi
}

# Sources of one line can't carry keys, and say in their options where they are.
tell_line() {
  if grep -v '^[[:blank:]]*#' "$1" | grep -F "$ADDRESS" | grep -qvF "$keyring"; then
    say "$1: a source of this repository does not name $keyring"
    told=yes
  fi
}

if each_file prepare; then
  each_file replace || say 'not every file could be renewed'
else
  each_file drop
  say 'a file can not be written: none was changed'
fi

# Before the first change of keys every source is as it should be.
[ -s "$here/former" ] || exit 0
each_file tell
for file in "$list" "${parts%/}"/*.list; do
  [ ! -f "$file" ] || tell_line "$file"
done
if [ "$told" = yes ]; then
  say "the keys of now are $(cat "$here/fingerprints"); Signed-By: $keyring follows them"
fi
exit 0
