# shellcheck shell=sh
# GRUB's default entry. Needs settings.sh and boot.sh.

GRUB_SCRIPT=$ROOT/etc/grub.d/06_lockstep_guard
GRUB_CFG=$ROOT/boot/grub/grub.cfg

has_grub() {
  [ -d "$ROOT/etc/grub.d" ] && [ -e "$GRUB_CFG" ]
}

# Whether grub.cfg is one that grub-mkconfig makes, and may make anew: not one that was written by hand.
has_made_grub() {
  has_grub && grep -q '^### BEGIN /etc/grub\.d/' "$GRUB_CFG"
}

# Puts the script of grub-mkconfig there while it has something to say, and takes it away after.
# usage: grub_refresh [in-kernel-hook]
grub_refresh() (
  if [ -s "$BOOT" ] && has_grub; then
    put_file "$GRUB_SCRIPT" 755 <"$SHARE/hooks/grub.d"
    if [ $? -eq 1 ]; then
      warn "$GRUB_SCRIPT can't be written: GRUB's default stays as it is"
      return 0
    fi
  elif [ -e "$GRUB_SCRIPT" ]; then
    rm -f "$GRUB_SCRIPT" 2>/dev/null || warn "$GRUB_SCRIPT can't be removed"
  fi
  if ! has_made_grub || grub_in_step || ! command -v grub-mkconfig >/dev/null; then
    return 0
  fi
  if [ -n "${1:-}" ] && [ -x "$ROOT/etc/kernel/postinst.d/zz-update-grub" ]; then
    return 0
  fi
  # In the language of the menu, not ours.
  if [ -n "${CALLER_LC_ALL:-}" ]; then
    LC_ALL=$CALLER_LC_ALL
  else
    unset LC_ALL
  fi
  grub-mkconfig -o "$GRUB_CFG" >/dev/null 2>&1 </dev/null && grub_in_step ||
    warn "GRUB's configuration could not be made anew: run update-grub"
)

# Whether grub.cfg was made for the choice that holds now.
grub_in_step() {
  if [ -s "$BOOT" ]; then
    grep -qxF "# lockstep-guard: $(tr '\n' ' ' <"$BOOT" | sed 's/ $//')" "$GRUB_CFG"
  else
    ! grep -q '^# lockstep-guard: ' "$GRUB_CFG"
  fi
}

# The release that GRUB starts by itself, told from what grub.cfg and grubenv say; nothing when it is another system.
grub_next() (
  saved=$(sed -n 's/^saved_entry=//p' "$ROOT/boot/grub/grubenv" 2>/dev/null)
  once=$(sed -n 's/^next_entry=//p' "$ROOT/boot/grub/grubenv" 2>/dev/null)
  GUARD_ONCE=$once GUARD_SAVED=$saved
  export GUARD_ONCE GUARD_SAVED
  awk -f "$SHARE/lib/grub-menu.awk" "$GRUB_CFG" 2>/dev/null | awk -F '\t' '
    function plain(text) {
      gsub(/\047\\\047\047/, "\047", text)
      return text
    }
    # grub.cfg: what is set, and where lockstep-guard leads away from
    NR != FNR {
      if (match($0, /^[ \t]*set default="/) && !inside) {
        default_value = substr($0, RLENGTH + 1)
        sub(/"[ \t]*$/, "", default_value)
      } else if (/^### BEGIN .*lockstep_guard ###$/) inside = 1
      else if (/^### END .*lockstep_guard ###$/) inside = 0
      else if (inside && match($0, /^  if \[ "x\$default" = \047x/)) {
        text = substr($0, RLENGTH + 1)
        sub(/\047 \]; then set lockstep_guard=.*/, "", text)
        away[plain(text)] = good
      } else if (inside && match($0, /^  set lockstep_guard_good=\047/)) {
        good = plain(substr($0, RLENGTH + 1, length($0) - RLENGTH - 1))
      }
      next
    }
    { if (!($1 in release)) release[$1] = $2; if (FNR == 1) first = $2 }
    END {
      sub(/\$\{saved_entry\}/, ENVIRON["GUARD_SAVED"], default_value)
      if (ENVIRON["GUARD_ONCE"] != "") default_value = ENVIRON["GUARD_ONCE"]
      else if (default_value in away) default_value = away[default_value]
      found = (default_value in release) ? release[default_value] : first
      if (found != "" && found != "-") print found
    }' - "$GRUB_CFG"
)
