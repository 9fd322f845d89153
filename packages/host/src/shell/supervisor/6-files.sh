# Files of an attempt, for listing and reading. Links are never followed and nothing is archived.

# Every file below folder $1: "f bytes mode mtime path". What cannot be handed over: "l" link, "o" other, "n" a name
# with a newline. The last line is a single dot: without it the list is not whole.
list_files() {
  claim
  cd "$dir/$1" || fail absent
  strange="*$newline*"
  find . -name "$strange" -prune -o -type f -exec stat -c 'f %s %a %Y %n' {} + 2>/dev/null
  find . -name "$strange" -prune -o -type l -print 2>/dev/null | sed 's/^/l /'
  find . -name "$strange" -prune -o ! -type f ! -type d ! -type l -print 2>/dev/null | sed 's/^/o /'
  find . -name "$strange" -prune -print0 2>/dev/null | tr '\n\0' '?\n' | sed 's/^/n /'
  echo .
}

# "hash  path", or "hash *path", of the files named on standard input, each ended by NUL. openssl is three times as fast
# where it is there, but slow to start: it is for what is $heavy.
sums() {
  if [ -n "$(command -v openssl)" ] && { [ -n "${heavy:-}" ] || [ -z "$(command -v sha256sum)" ]; }; then
    xargs -0 -r openssl dgst -sha256 -r 2>/dev/null
  else
    xargs -0 -r sha256sum 2>/dev/null
  fi
}

# Hashes of the files named on standard input, each ended by NUL.
hash_files() {
  claim
  cd "$dir/$1" || fail absent
  heavy=1
  sums
  echo .
}

# File $2 of folder $1 from byte $3 on.
read_file() {
  claim
  cd "$dir/$1" || fail absent
  { [ -f "$2" ] && [ ! -L "$2" ]; } || fail absent "$2"
  if [ "$3" -eq 0 ]; then exec cat "$2"; fi
  exec tail -c "+$(($3 + 1))" "$2"
}

# The files named on standard input, each ended by NUL, one after the other.
read_files() {
  claim
  cd "$dir/$1" || fail absent
  exec xargs -0 -r cat
}
