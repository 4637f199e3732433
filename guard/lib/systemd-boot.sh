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

# Changes the line while there is a choice; puts the administrator's own back when there is none.
systemd_boot_refresh() (
  conf=$(loader_conf)
  [ -n "$conf" ] || return 0
  good=$(sed -n 's/^default //p' "$BOOT" 2>/dev/null)
  if [ -z "$good" ] && ! grep -qF "$MARK" "$conf" 2>/dev/null; then
    return 0
  fi
  # The administrator's own default is kept as a comment, and comes back as it was.
  text=$(sed -e "/^$MARK\$/{N;d;}" -e "s/^$MARK: //" "$conf") || return 0
  if [ -n "$good" ]; then
    own=$(printf '%s\n' "$text" | sed -n 's/^default[[:blank:]][[:blank:]]*//p' | tail -n 1)
    avoid=$(sed -n 's/^avoid //p' "$BOOT" | while read -r release; do
      case $own in
        '' | *'*'* | *"-$release.conf") echo avoid ;;
      esac
    done)
    if [ -n "$avoid" ]; then
      text=$(printf '%s\n' "$text" | sed "s/^default[[:blank:]]/$MARK: &/"; printf '%s\ndefault *-%s.conf\n' "$MARK" "$good")
    fi
  fi
  copy=$conf.lockstep-new
  printf '%s\n' "$text" >"$copy" 2>/dev/null && { cmp -s "$copy" "$conf" && rm -f "$copy" || mv -f "$copy" "$conf"; } ||
    { rm -f "$copy"; warn "$conf can't be written: systemd-boot's default stays as it is"; }
)
