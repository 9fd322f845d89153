# Uploads. The store keeps packs: a folder with a tree, its index ("hash mode path", sorted) and its hashes (sorted). A
# pack appears by one rename, once every file in it has the hash it is named by. No process is started per file.

# Lines of file $1 that file $2 does not have.
without() {
  awk 'FILENAME == ARGV[1] { other[$0] = 1; next } !($0 in other)' "$2" "$1"
}

# Lines that both files have, in the order of $1.
common() {
  awk 'FILENAME == ARGV[1] { other[$0] = 1; next } $0 in other' "$2" "$1"
}

# Unpacks an archive on standard input into the tree of pack $1 and into the work folder at the same time: two writers
# side by side cost less than a copy afterwards.
unpack() {
  mkfifo "$1/pipe"
  tar -xpf - -C "$dir/work" <"$1/pipe" 2>/dev/null &
  tee "$1/pipe" | tar -xpf - -C "$1/tree" 2>/dev/null
  wait $!
  rm -f "$1/pipe"
}

# Verifies folder $1 (a tree and the list of what it should hold) and makes it a pack. $2 placed: the same files have
# been put into the work folder too.
publish() {
  (
    cd "$1" || exit 1
    LC_ALL=C
    export LC_ALL
    # A line of the list is whole when its file has its hash (the path begins at column 71); links have no content.
    cut -b71- list | sed 's,^,./,' | tr '\n' '\0' | (cd tree && sums) >result
    awk 'FILENAME == "result" { sum[substr($0, 69)] = substr($0, 1, 64); next }
      substr($0, 66, 4) == "link" || sum[substr($0, 71)] == substr($0, 1, 64)' result list | sort >index
    [ -s index ] || exit 0
    cut -b1-64 index | sort -u >hashes
    rm -f list result owner attempt
  )
  # Half of a pack may be all that a broken link left: it is worth keeping.
  if [ -s "$1/index" ]; then
    [ "${2:-}" != placed ] || cp "$1/index" "$control/placed.$$"
    mv "$1" "$root/store/$(date +%s)-${1##*/}"
  else
    rm -rf "$1"
  fi
}

# Takes over what an upload that broke off has left: by the attempt's own, at once; by others, once their process is gone.
salvage() {
  for folder in "$root"/store/in/*; do
    [ -d "$folder" ] || continue
    get "$folder/owner"
    owner=${got##* }
    if lives "$folder/owner"; then
      get "$folder/attempt"
      [ "$got" = "$mark" ] || continue
      kill -s KILL "$pid" 2>/dev/null
    fi
    if [ -n "$owner" ] || [ -e "$folder/list" ]; then publish "$folder"; else rm -rf "$folder"; fi
  done
}

# One stream of small files: "list BYTES", the list, then "tar BYTES" and an archive of them.
receive() {
  claim
  folder=$root/store/in/$$-${now}
  mkdir -p "$folder/tree"
  record "$folder/owner"
  put "$folder/attempt" "$mark"
  while read -r kind size; do
    case $kind in
      list) frame "$size" >"$folder/list" ;;
      tar) frame "$size" | unpack "$folder" ;;
      *) break ;;
    esac
  done
  publish "$folder" placed
  echo done
}

# One stream of ranges of big files: "hash offset length", then the bytes. Each range is noted once it is whole, so that
# a broken link costs one range.
receive_ranges() {
  claim
  while read -r hash offset length; do
    mkdir -p "$root/store/big/$hash"
    blocks=$((length / 65536))
    rest=$((length % 65536))
    # One open file for both: the second goes on where the first stopped. The first seeks even when it copies nothing.
    {
      dd bs=65536 seek=$((offset / 65536)) count="$blocks" iflag=fullblock conv=notrunc
      [ "$rest" -eq 0 ] || dd bs="$rest" count=1 iflag=fullblock conv=notrunc
    } 1<>"$root/store/big/$hash/data" 2>/dev/null
    printf '%s %s\n' "$offset" "$length" >>"$root/store/big/$hash/ranges"
  done
  echo done
}

# The conversation of one upload. It says what it wants, hears what is missing, sends that here or over other channels,
# and has the work tree built.
sync_tree() {
  claim
  mkdir -p "$root/store/in" "$root/store/big" "$control" "$dir/work"
  claim
  # What nobody used for two weeks makes room.
  find "$root/store" -mindepth 1 -maxdepth 1 -name '[0-9]*' -mtime +14 -exec rm -rf {} + 2>/dev/null
  salvage
  LC_ALL=C
  export LC_ALL
  folder=$control/sync.$$
  rm -rf "$control"/sync.* "$control"/placed.*
  mkdir "$folder" || fail disk-full
  while read -r kind size name; do
    case $kind in
      want)
        frame "$size" >"$folder/want"
        find_missing
        ;;
      space)
        free_space
        [ $((${free_kib:-0} * 1024)) -ge "$size" ] || fail disk-full "$size" $((${free_kib:-0} * 1024))
        ;;
      list)
        inline=$root/store/in/$$-$now
        mkdir -p "$inline/tree"
        frame "$size" >"$inline/list"
        record "$inline/owner"
        put "$inline/attempt" "$mark"
        ;;
      tar)
        frame "$size" | unpack "$inline"
        publish "$inline" placed
        ;;
      big) assemble "$size" "${name%% *}" "${name#* }" ;;
      place) frame "$size" >"$folder/place" ;;
      build)
        build
        break
        ;;
      *) fail unsupported "$kind" ;;
    esac
  done
  rm -rf "$folder"
}

# Answers with the hashes that no pack has, and the ranges of big files that an earlier try has left.
find_missing() {
  known=$control/tree
  # Once the job has begun, the work folder is its own and nothing about it is known.
  if [ ! -e "$known" ] || [ -d "$control/launching" ]; then : >"$folder/none"; known=$folder/none; fi
  without "$folder/want" "$known" >"$folder/need" || fail broken awk
  cut -b1-64 "$folder/need" | sort -u >"$folder/need-hashes" || fail broken sort
  set -- "$root"/store/[0-9]*/hashes
  if [ -e "$1" ]; then sort -mu "$@" >"$folder/have"; else : >"$folder/have"; fi
  without "$folder/need-hashes" "$folder/have" >"$folder/missing" || fail broken awk
  if [ -s "$folder/missing" ] && cmp -s "$folder/missing" "$folder/need-hashes" && cmp -s "$folder/need" "$folder/want"; then
    echo all
  else
    cat "$folder/missing"
  fi
  for big in "$root"/store/big/*/ranges; do
    [ -e "$big" ] || continue
    hash=${big%/ranges}
    sed "s/^/r ${hash##*/} /" "$big"
  done
  echo .
}

# Big file $2 is whole: makes it a pack of its own, and copies it to path $3 with mode $1 while it is being verified.
assemble() {
  big=$root/store/in/$$-$2
  target=$dir/work/$3
  mkdir -p "$big" "${target%/*}"
  mv "$root/store/big/$2" "$big/tree" 2>/dev/null || return
  rm -f "$big/tree/ranges"
  printf '%s 0644 data\n' "$2" >"$big/list"
  (cp $(reflink) "$big/tree/data" "$target.$$" && chmod "$1" "$target.$$") 2>/dev/null &
  copier=$!
  publish "$big"
  wait "$copier" && [ ! -d "$big" ] && mv -f "$target.$$" "$target" && printf '%s %s %s\n' "$2" "$1" "$3" >>"$folder/placed"
  rm -f "$target.$$"
}

reflink() {
  if [ -z "${reflink:-}" ]; then
    reflink=-f
    cp --version 2>/dev/null | grep -q GNU && reflink=--reflink=auto
  fi
  echo "$reflink"
}

# Puts what is needed into the work folder, by reflink where the file system can and by copy elsewhere. Never by hard
# link: a job that appends to a file would change the store.
build() {
  cd "$folder" || fail disk-full
  # What came with this upload is in its place already.
  for placed in "$control"/placed.*; do
    [ ! -e "$placed" ] || cat "$placed" >>placed
  done
  rm -f "$control"/placed.*
  if [ -e placed ]; then without need placed >remaining || fail broken awk; else cp need remaining; fi
  set -- "$root"/store/[0-9]*/index
  [ -e "$1" ] || set --
  at=$#
  while [ "$at" -gt 0 ] && [ -s remaining ]; do
    eval "pack=\${$at}"
    at=$((at - 1))
    [ -e "$pack" ] || continue
    common remaining "$pack" >here || fail broken awk
    [ -s here ] || continue
    pack=${pack%/index}
    touch "$pack"
    cut -b71- here | copy_paths "$pack/tree"
    without remaining here >rest || fail broken awk
    mv rest remaining
  done
  [ ! -s remaining ] || copy_renamed "$@"
  [ ! -e place ] || (cd "$dir/work" && sh "$folder/place")
  if [ -s lost ]; then
    sed 's/^/lost /' lost
  elif [ -s need ]; then
    cut -b71- need >paths
    if [ -s "$known" ]; then
      awk 'FNR == NR { gone[$0] = 1; next } !(substr($0, 71) in gone)' paths "$known" | sort -m - need >tree
    else
      cp need tree
    fi
    mv tree "$control/tree"
  fi
  echo .
}

# Copies the paths on standard input from folder $1 into the work folder, in few processes.
copy_paths() {
  if [ "$(reflink)" = --reflink=auto ]; then
    (cd "$1" && tr '\n' '\0' | xargs -0 -r cp -a --parents --remove-destination --reflink=auto -t "$dir/work" --)
  else
    (cd "$1" && sed 's,^,./,' | tr '\n' '\0' | xargs -0 -r sh -c 'tar -cf - "$@" | tar -xpf - -C "$0"' "$dir/work")
  fi 2>>"$folder/problems"
}

# Copies what the store has under another name or mode, one by one: renamed files and big ones.
copy_renamed() {
  rm -f lost
  awk '
    FILENAME != "remaining" { hash = substr($0, 1, 64); if (!(hash in from)) from[hash] = substr(FILENAME, 1, length(FILENAME) - 5) "tree/" substr($0, 71); next }
    { hash = substr($0, 1, 64); if (hash in from) { print from[hash]; print substr($0, 66, 4); print substr($0, 71) } else print hash >"lost" }
  ' "$@" remaining >moves || fail broken awk
  while IFS= read -r source && IFS= read -r mode && IFS= read -r target; do
    target=$dir/work/$target
    mkdir -p "${target%/*}"
    cp -a "$source" "$target.$$" && { [ "$mode" = link ] || chmod "$mode" "$target.$$"; } && mv -f "$target.$$" "$target"
  done <moves
}
