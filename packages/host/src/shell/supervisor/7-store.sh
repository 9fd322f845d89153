# Uploads. The store keeps packs: a folder with a tree, its index ("hash mode path") and its hashes. A pack appears by one
# rename, once every file in it has the hash it is named by. No process is started per file, and few per upload: on a busy
# machine each costs more than all the work that it does.

# Makes folder $1 (a tree and the list of what it should hold) a pack of the files that are whole. $2 placed: the same
# files have been put into the work folder too.
publish() {
  (
    cd "$1" || exit 1
    LC_ALL=C
    export LC_ALL
    # The path begins at column 71.
    sed 's,^.\{70\},./,' list | tr '\n' '\0' | (cd tree && sums) >result
    # Links have no content to check. A line that begins with a backslash has those of its name doubled.
    awk '
      FILENAME == "result" && /^\\/ { $0 = substr($0, 2); gsub(/\\\\/, "\\") }
      FILENAME == "result" { sum[substr($0, 69)] = substr($0, 1, 64); next }
      substr($0, 66, 4) == "link" || sum[substr($0, 71)] == substr($0, 1, 64) { print >"index"; print substr($0, 1, 64) >"hashes" }
    ' result list
    rm -f list result owner archive
  )
  # Half of a pack may be all that a broken link left: it is worth keeping.
  if [ -s "$1/index" ]; then
    [ "${2:-}" != placed ] || cp "$1/index" "$control/placed.$$"
    mv "$1" "$root/store/${1##*/}"
  else
    rm -rf "$1"
  fi
}

# Makes folder $folder for a pack that comes; it names the attempt and the process that receives it.
begin_pack() {
  now
  started $$
  folder=$root/store/in/$now-$$-${boot%%-*}
  mkdir -p "$folder/tree"
  printf '%s\n' "$$ $ticks $boot $mark" >"$folder/owner"
}

# Takes over what an upload that broke off has left: by the attempt's own, at once; by others, once their process is gone.
salvage() {
  for folder in "$root"/store/in/*; do
    [ -d "$folder" ] || continue
    get "$folder/owner"
    owner=${got##* }
    if lives "$folder/owner"; then
      [ "$owner" = "$mark" ] || continue
      kill -s KILL "$pid" 2>/dev/null
    fi
    if [ -e "$folder/list" ]; then publish "$folder"; else rm -rf "$folder"; fi
  done
}

# Unpacks an archive of $2 bytes on standard input into the tree of pack $1 and into the work folder at the same time: two
# writers side by side cost less than a copy afterwards. Fails when the work folder did not take it all.
unpack() {
  mkfifo "$1/archive"
  tar -xpf - -C "$dir/work" <"$1/archive" 2>/dev/null &
  frame "$2" | tee "$1/archive" | tar -xpf - -C "$1/tree" 2>/dev/null
  wait $!
}

# One stream of small files: "list BYTES", the list, then "tar BYTES" and an archive of them.
receive() {
  claim
  placed=
  heavy=1
  begin_pack
  while read -r kind size; do
    case $kind in
      list) frame "$size" >"$folder/list" ;;
      tar) unpack "$folder" "$size" && placed=placed ;;
      *) break ;;
    esac
  done
  publish "$folder" $placed
  echo done
}

# One stream of ranges of big files: "hash offset length", then the bytes. Each range is noted once it is whole, so that
# a broken link costs one range.
receive_ranges() {
  claim
  while read -r hash offset length; do
    [ -d "$root/store/big/$hash" ] || mkdir -p "$root/store/big/$hash"
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
  sync=$control/sync.$$
  mkdir -p "$root/store/in" "$root/store/big" "$dir/work" "$sync" || fail disk-full
  claim
  salvage
  LC_ALL=C
  export LC_ALL
  cd "$sync" || fail disk-full
  : >need
  while read -r kind size name; do
    case $kind in
      buckets)
        frame "$size" >digests
        adopt_spare
        compare_buckets
        ;;
      want)
        frame "$size" >want
        find_missing
        ;;
      space)
        free_space
        [ $((${free_kib:-0} * 1024)) -ge "$size" ] || fail disk-full "$size" $((${free_kib:-0} * 1024))
        ;;
      list)
        begin_pack
        frame "$size" >"$folder/list"
        ;;
      tar)
        # Small enough to be read twice, which takes fewer processes than to part the stream.
        placed=placed
        frame "$size" >"$folder/archive"
        tar -xpf "$folder/archive" -C "$folder/tree" 2>/dev/null
        tar -xpf "$folder/archive" -C "$dir/work" 2>/dev/null || placed=
        publish "$folder" $placed
        ;;
      big) assemble "$size" "${name%% *}" "${name#* }" ;;
      place) frame "$size" >place ;;
      build)
        build
        break
        ;;
      *) fail unsupported "$kind" ;;
    esac
  done
  cd "$root" || exit 0
  rm -rf "$control"/sync.* "$control"/placed.*
}

# Files are known by bucket: the first two digits of the hash of their path. Answers with the buckets of which this work
# folder may differ from the digests that came.
compare_buckets() {
  # Once the job has begun, the work folder is its own and nothing about it is known.
  if [ ! -e "$control/tree/digests" ] || [ -e "$control/tree/changing" ] || [ -d "$control/launching" ]; then
    echo all
  else
    awk 'FILENAME == ARGV[1] { known[$0] = 1; next } !($0 in known) { print substr($0, 1, 2) }' \
      "$control/tree/digests" digests || fail broken awk
  fi
  echo .
}

# Answers with the hashes that no pack has, and the ranges of big files that an earlier try has left. A wanted line is
# "bucket hash mode path".
find_missing() {
  # A break while the folder changed leaves nothing that is sure.
  if [ -e "$control/tree/changing" ] || [ -d "$control/launching" ]; then rm -rf "$control/tree"; fi
  awk -v tree="$control/tree/" '
    {
      bucket = substr($0, 1, 2)
      if (!(bucket in read)) {
        read[bucket] = 1
        while ((getline line <(tree bucket)) > 0) known[line] = bucket
        close(tree bucket)
      }
      line = substr($0, 4)
      if (line in known) next
      print line >"need"
      if (!(substr(line, 1, 64) in hash)) print substr(line, 1, 64) >"need-hashes"
      hash[substr(line, 1, 64)] = 1
    }' want || fail broken awk
  if [ -s need ]; then
    set -- "$root"/store/[0-9]*/hashes
    [ -e "$1" ] || set --
    awk 'FILENAME == ARGV[1] { missing[$0] = 1; next } { delete missing[$0] } END { for (hash in missing) print hash }' \
      need-hashes "$@" || fail broken awk
    for big in "$root"/store/big/*/ranges; do
      [ -e "$big" ] || continue
      hash=${big%/ranges}
      sed "s/^/r ${hash##*/} /" "$big"
    done
    [ -d "$control/tree" ] || mkdir "$control/tree"
    : >"$control/tree/changing"
  fi
  echo .
}

# Big file $2 is whole: makes it a pack of its own, and copies it to path $3 with mode $1 while it is being verified.
assemble() {
  begin_pack
  target=$dir/work/$3
  mkdir -p "${target%/*}"
  rm -rf "$folder/tree"
  mv "$root/store/big/$2" "$folder/tree" 2>/dev/null || return
  rm -f "$folder/tree/ranges"
  printf '%s 0644 data\n' "$2" >"$folder/list"
  { rm -rf "$target.$$" && cp "$(reflink)" "$folder/tree/data" "$target.$$" && chmod "$1" "$target.$$"; } 2>/dev/null &
  copier=$!
  heavy=1
  publish "$folder"
  wait "$copier" && [ -d "$root/store/${folder##*/}" ] && mv -f "$target.$$" "$target" &&
    printf '%s %s %s\n' "$2" "$1" "$3" >>"$control/placed.big"
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
  remove_strangers
  # What came with this upload is in its place already.
  set -- "$control"/placed.*
  [ -e "$1" ] || set --
  awk 'FILENAME != "need" { placed[$0] = 1; next } !($0 in placed)' "$@" need >remaining || fail broken awk
  place_remaining
  [ ! -e place ] || (cd "$dir/work" && sh "$sync/place" 2>>"$sync/problems") || fail copy "$(tail -n 1 problems)"
  if [ -s lost ]; then
    sed 's/^/lost /' lost
  elif [ -s need ] || [ -e "$control/tree/adopted" ]; then
    remember
  fi
  # Away from the channel, which ends with the answer.
  [ ! -e digests ] || detach sh "$script" spare "$root" "$mark" 0
  echo .
}

# Copies the lines of the file remaining from the packs; writes those that no pack has into the file lost.
place_remaining() {
  set -- "$root"/store/[0-9]*/index
  [ -e "$1" ] || set --
  at=$#
  while [ "$at" -gt 0 ] && [ -s remaining ]; do
    eval "pack=\${$at}"
    at=$((at - 1))
    awk 'FILENAME == ARGV[1] { wanted[$0] = 1; next } $0 in wanted' remaining "$pack" >here || fail broken awk
    [ -s here ] || continue
    pack=${pack%/index}
    touch "$pack"
    cut -b71- here | copy_paths "$pack/tree" || fail copy "$(tail -n 1 problems)"
    awk 'FILENAME == ARGV[1] { done[$0] = 1; next } !($0 in done)' here remaining >rest || fail broken awk
    mv rest remaining
  done
  [ ! -s remaining ] || copy_renamed "$@"
}

# Copies the paths on standard input from folder $1 into the work folder, in few processes.
copy_paths() {
  if [ "$(reflink)" = --reflink=auto ]; then
    (cd "$1" && tr '\n' '\0' | xargs -0 -r cp -a --parents --remove-destination --reflink=auto -t "$dir/work" --)
  else
    # shellcheck disable=SC2016 # for the inner shell
    (cd "$1" && sed 's,^,./,' | tr '\n' '\0' | xargs -0 -r sh -c 'tar -cf - "$@" | tar -xpf - -C "$0"' "$dir/work")
  fi 2>>problems
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
    { cp -a "$source" "$target.$$" && { [ "$mode" = link ] || chmod "$mode" "$target.$$"; } && mv -f "$target.$$" "$target"; } 2>>problems ||
      fail copy "$(tail -n 1 problems)"
  done <moves
}

# Writes down what the work folder has now, by bucket. A bucket with files of other uploads too has no digest: its files
# are compared one by one the next time.
remember() {
  [ -e digests ] || : >digests
  known=$control/tree/digests
  [ -e "$known" ] || known=/dev/null
  [ -e gone ] || : >gone
  adopted=
  [ ! -e "$control/tree/adopted" ] || adopted=1
  awk -v tree="$control/tree/" -v adopted="$adopted" '
    FILENAME == "want" {
      bucket = substr($0, 1, 2)
      line = substr($0, 4)
      named[substr(line, 71)] = 1
      text[bucket] = text[bucket] line "\n"
      next
    }
    FILENAME == "digests" { digest[substr($0, 1, 2)] = $0; next }
    FILENAME == "gone" { gone[$0] = 1; printf "" >(tree $0); close(tree $0); next }
    !(substr($0, 1, 2) in text) && !(substr($0, 1, 2) in gone)
    END {
      for (bucket in text) {
        others = ""
        while (!adopted && (getline line <(tree bucket)) > 0) if (!(substr(line, 71) in named)) others = others line "\n"
        close(tree bucket)
        printf "%s%s", text[bucket], others >(tree bucket)
        close(tree bucket)
        if (others == "" && (bucket in digest)) print digest[bucket]
      }
    }' want digests gone "$known" >new-digests || fail broken awk
  mv new-digests "$control/tree/digests"
  rm -f "$control/tree/changing" "$control/tree/adopted"
}
