# Reads a deb822 file of apt sources (sources.list(5)). mode "write" prints it, with the keys of now in place of former sets of
# them; mode "notes" prints a line for each stanza of this repository whose keys don't follow.
#
# now: file with the keys of now, armoured. former: file with earlier sets, the base64 of each on a line. keyring: path of
# the packaged keyring. ADDRESS in the environment: where the repository is.
#
# A stanza is this repository's if any of its addresses is, since apt wants one address to have the same keys everywhere. Its
# keys are changed only if they are, to the letter, a set that this repository has given out.

function bare(text) {
  sub(/\r$/, "", text)
  sub(/^[ \t]+/, "", text)
  sub(/[ \t]+$/, "", text)
  return text
}

function address(text) {
  sub(/\/+$/, "", text)
  return text
}

# One line of a Signed-By field, or of a file with armoured keys.
function key_line(text) {
  text = bare(text)
  if (text == "-----BEGIN PGP PUBLIC KEY BLOCK-----") {
    blocks++
    inside = 1
  } else if (text == "-----END PGP PUBLIC KEY BLOCK-----") {
    inside = 0
  } else if (inside) {
    if (text !~ /^=/ && text !~ /:/ && text != ".") body = body text
  } else if (text != "" && text != ".") {
    plain = plain text
  }
}

function forget() {
  body = ""
  plain = ""
  blocks = 0
  inside = 0
}

function flush_stanza(   i, j, line, name, field, ours, whole, count, part, first, last, gap) {
  forget()
  field = ""
  ours = 0
  whole = 1
  first = 0
  for (i = 1; i <= length_of_stanza; i++) {
    line = stanza[i]
    if (line ~ /^#/) {
      gap = i
      continue
    }
    if (line !~ /^[ \t]/) {
      name = line
      sub(/:.*/, "", name)
      field = tolower(bare(name))
      sub(/^[^:]*:/, "", line)
      if (field == "signed-by") {
        if (first) whole = 0
        first = i
      }
    }
    if (field == "uris") {
      count = split(bare(line), part, /[ \t]+/)
      for (j = 1; j <= count; j++) if (address(part[j]) == ours_at) ours = 1
    } else if (field == "signed-by") {
      if (gap > first) whole = 0
      last = i
      key_line(line)
    }
  }
  is_former = blocks == 1 && plain == "" && whole && (body in known) && body != body_of_now
  if (mode == "write") {
    for (i = 1; i <= length_of_stanza; i++) {
      if (is_former && ours && i == first) {
        name = stanza[i]
        sub(/:.*/, ":", name)
        print name
        for (j = 1; j <= lines_of_now; j++) print " " (line_of_now[j] == "" ? "." : line_of_now[j])
      } else if (!(is_former && ours && i > first && i <= last)) {
        print stanza[i]
      }
    }
  } else if (is_former && !ours) {
    print "keys of this repository at another address: they stay as they are"
  } else if (ours && plain != keyring && body != body_of_now) {
    print first ? "a source of this repository has keys of its own: they stay as they are" : "a source of this repository has no Signed-By"
  }
  length_of_stanza = 0
}

BEGIN {
  ours_at = address(ENVIRON["ADDRESS"])
  forget()
  while ((getline line < now) > 0) {
    line_of_now[++lines_of_now] = line
    key_line(line)
  }
  body_of_now = body
  while ((getline line < former) > 0) known[line] = 1
}

/^\r?$/ {
  flush_stanza()
  if (mode == "write") print
  next
}

{
  stanza[++length_of_stanza] = $0
}

END {
  flush_stanza()
}
