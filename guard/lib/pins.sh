# shellcheck shell=sh
# The pins that keep apt from bringing a kernel without its modules. Needs settings.sh.

# Writes the pins of the holds: the metapackages' versions that point to such kernels, and those of their kin that pull the
# same kernel in. Images are not pinned: nothing else names them, and who does is told why by the gate. The metapackage of a
# kernel that is let in, or needs no module package, is pinned as well: it could only come in the place of the tracking
# package. So are tracking packages that point to such kernels: aptitude brings their dependencies without them.
# usage: write_pins HOLDS
write_pins() (
  pins=$(
    { printf '%s\n' "$1" && cat "$STATE/archive" 2>/dev/null; } | awk -F '\t' '
      function pin(explanation, packages, version) {
        print ""
        print "Explanation: " explanation ": see lockstep-guard status"
        print "Package: " packages
        print "Pin: version " version
        print "Pin-Priority: -1"
      }
      $1 == "module" && ($4 in held) && !seen[$2, $3]++ {
        pin("Linux " $4 " is held back", $2, $3)
      }
      NF >= 8 && !seen[$2, $3]++ {
        held[$1] = 1
        track = $2; sub(/^linux-image-/, "", track)
        pin($7 " has nothing for Linux " $1 " yet",
          "linux-image-" track " linux-headers-" track " linux-base-" track " linux-binary-" track " linux-modules-" track, $3)
      }'
  )
  if [ -z "$pins" ]; then
    remove_pins
    return
  fi
  printf '%s\n%s\n' '# Made by lockstep-guard, which changes and removes it; /etc/lockstep/guard.conf has the settings.' \
    "$pins" | put_file "$PINS"
  [ $? -ne 1 ] || warn "$PINS can't be written: kernels without their modules are not held back, only refused"
)

remove_pins() {
  [ ! -e "$PINS" ] || rm -f "$PINS" 2>/dev/null || warn "$PINS can't be removed"
}
