# shellcheck shell=sh
# The files by which others call the guard. They are there only while a module is wanted: other machines run nothing.

# Prints `source target mode` of each: the target's folder must be there, except apt's and the kernel's own.
hook_files() {
  cat <<EOT
apt.conf etc/apt/apt.conf.d/80lockstep-guard 644
kernel etc/kernel/postinst.d/zy-lockstep-guard 755
kernel etc/kernel/postrm.d/zy-lockstep-guard 755
update-motd etc/update-motd.d/95-lockstep-guard 755
molly-guard etc/molly-guard/run.d/20-lockstep-guard 755
needrestart etc/needrestart/conf.d/lockstep-guard.conf 644
EOT
}

TIMER=$ROOT/etc/systemd/system/timers.target.wants/lockstep-guard.timer

install_hooks() {
  hook_files | while read -r source target mode; do
    case $target in
      etc/apt/* | etc/kernel/*) ;;
      *) [ -d "$ROOT/${target%/*}" ] || continue ;;
    esac
    put_file "$ROOT/$target" "$mode" <"$SHARE/hooks/$source"
    [ $? -ne 1 ] || warn "$ROOT/$target can't be written"
  done
  if [ ! -h "$TIMER" ] && [ -d "$ROOT/usr/lib/systemd/system" ]; then
    mkdir -p "${TIMER%/*}" 2>/dev/null && ln -s /usr/lib/systemd/system/lockstep-guard.timer "$TIMER" 2>/dev/null &&
      with_systemd start lockstep-guard.timer
  fi
  return 0
}

# Asks a running systemd for something, and does not wait.
with_systemd() {
  if [ -z "$ROOT" ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload >/dev/null 2>&1 && systemctl --no-block "$@" >/dev/null 2>&1
  fi
  return 0
}

remove_hooks() {
  hook_files | while read -r _source target _mode; do
    [ -e "$ROOT/$target" ] || continue
    rm -f "$ROOT/$target" 2>/dev/null || warn "$ROOT/$target can't be removed"
    case $target in
      etc/kernel/*)
        # The folder may be one that install_hooks has made.
        dpkg-query -S "/${target%/*}" >/dev/null 2>&1 || rmdir "$ROOT/${target%/*}" 2>/dev/null
        ;;
    esac
  done
  if [ -h "$TIMER" ]; then
    rm -f "$TIMER" 2>/dev/null
    with_systemd stop lockstep-guard.timer
  fi
}
