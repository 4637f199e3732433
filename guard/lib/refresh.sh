# shellcheck shell=sh
# Brings everything in step with what is installed and with apt's lists. Needs all of the others.

# The boot loaders, and who asks for a reboot. Sets NEXT, the release that boots next.
# usage: refresh_machine WANTED [in-kernel-hook]
refresh_machine() {
  refresh_boot "$1" "${2:-}"
  refresh_keep
  NEXT=$(next_boot)
  refresh_reboot "$1" "$NEXT"
}

# Everything; silent when nothing is to be said. It never fails.
refresh() {
  # All stays as it is when it can't be told what is wanted: awk is missing, no memory.
  table=$(wanted) || return 0
  if [ -z "$table" ]; then
    clean
    return 0
  fi
  read_settings
  install_hooks
  remember_in_tree "$table"
  if holds=$(find_holds "$table"); then
    write_pins "$holds"
    holds=$(without_needless "$holds")
    printf '%s' "${holds:+$holds$NEWLINE}" | put_file "$STATE/holds"
    [ $? -ne 1 ] || warn "$STATE can't be written"
  else
    # Lists that can't be read say nothing: what was held stays held.
    holds=$(cat "$STATE/holds" 2>/dev/null)
  fi
  refresh_origins "$table"
  refresh_machine "$table"
  refresh_reports "$table" "$holds" "$NEXT"
  return 0
}

# Takes away all that the guard has made outside its package.
clean() {
  remove_hooks
  remove_pins
  rm -f "$ORIGINS" 2>/dev/null
  rm -f "$BOOT" 2>/dev/null
  grub_refresh
  systemd_boot_refresh
  refresh_keep
  forget_reboot
  rm -f "$ROOT/var/lib/prometheus/node-exporter/lockstep-guard.prom" 2>/dev/null
  for name in archive preferences holds notice in-tree; do
    rm -f "$STATE/$name" 2>/dev/null
  done
  rmdir "$STATE" 2>/dev/null
  return 0
}
