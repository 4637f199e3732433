# Reads a configuration of GRUB, or what scripts of grub-mkconfig write, and prints a line for each value of GRUB's
# `default` that names an entry; columns are separated by tabs:
#   value  release that it starts|-  the value that names it best: ids  script that wrote it|-
# An entry is named by its number, id or title, one in a submenu by the path of such names. A submenu's own name, and an
# empty value, stand for the first entry. Variable: first, the number of the first entry.
function escaped(name) {
  gsub(/>/, ">>", name)
  return name
}

function add(name) {
  value[depth, ++values[depth]] = name
}

# Whether a name is the first of its menu: GRUB finds no other one by it.
function is_new(name) {
  if (name == "" || (menu[depth - 1], name) in taken) return 0
  taken[menu[depth - 1], name] = 1
  return 1
}

function opened(what, title, id,   number, parent, i, n, names, name, prefix) {
  number = count[depth]++
  parent = depth++
  kind[depth] = what
  menu[depth] = ++menus
  count[depth] = values[depth] = 0
  title = escaped(title)
  id = escaped(id)
  names = 0
  if (is_new(id)) name[++names] = id
  if (is_new(title)) name[++names] = title
  name[++names] = number
  path[depth] = (parent ? path[parent] ">" : "") name[1]
  for (i = 1; i <= (parent ? values[parent] : 1); i++) {
    prefix = parent ? value[parent, i] ">" : ""
    if (prefix != ">") for (n = 1; n <= names; n++) add(prefix name[n])
  }
  if (number == 0 && !parent) add("")
  if (number == 0 && parent) for (i = 1; i <= values[parent]; i++) add(value[parent, i])
}

# What the quotes hold with which a text begins: grub-mkconfig writes ' as '\''.
function quoted(text,   mark, at, result) {
  mark = substr(text, 1, 1)
  if (mark != "'" && mark != "\"") {
    sub(/[ \t{].*/, "", text)
    return text
  }
  text = substr(text, 2)
  while ((at = index(text, mark)) > 0) {
    result = result substr(text, 1, at - 1)
    if (substr(text, at, 4) != "'\\''") break
    result = result "'"
    text = substr(text, at + 4)
  }
  return result
}

BEGIN { FS = "[ \t]+"; OFS = "\t"; depth = menus = 0; menu[0] = 0; count[0] = first + 0; section = "-" }
/^### BEGIN / { section = $0; sub(/^### BEGIN .*\//, "", section); sub(/ ###$/, "", section) }
/^[ \t]*(menuentry|submenu)[ \t]/ {
  text = $0
  sub(/^[ \t]*/, "", text)
  what = substr(text, 1, index(text, "u") - 1) == "s" ? "submenu" : "menuentry"
  sub(/^[a-z]+[ \t]+/, "", text)
  id = ""
  if (match(text, /(\$menuentry_id_option|--id)[ =]/)) id = quoted(substr(text, RSTART + RLENGTH))
  release = "-"
  opened(what, quoted(text), id)
  next
}
# A kernel, or one below a hypervisor.
depth && /^[ \t]*(linux|linux16|linuxefi|module|module2)[ \t]/ && match($0, /\/vmlinu[xz]-[^ \t]+/) && release == "-" {
  release = substr($0, RSTART + 9, RLENGTH - 9)
  sub(/\.efi\.signed$/, "", release)
}
/\{[ \t]*$/ { kind[++depth] = "other"; next }
/^[ \t]*\}[ \t]*$/ {
  if (depth && kind[depth] == "menuentry")
    for (i = 1; i <= values[depth]; i++) print value[depth, i], release, path[depth], section
  if (depth) depth--
}
