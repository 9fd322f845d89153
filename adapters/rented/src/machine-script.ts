/**
 * What runs on a rented machine, as one POSIX `sh` script: `sh -c SCRIPT gpujob OPERATION ARGUMENT…`. It answers in
 * lines of fields divided by tabs (see `readReport`).
 *
 * A machine is taken as a whole, by one lease after the other. In `.gpujob-rented` in the home:
 *
 * - `use.NUMBER` is the NUMBERth lease of this machine: a symbolic link whose text is `lease:FOLDER`. Like `mkdir` its
 *   making is atomic and fails where the name exists, so that of two that want the machine one gets it.
 * - `at-LEASEKEY.…` is the folder behind it: `name` (ownership), `created` and `from` (epoch seconds by the caller's clock,
 *   which the bill is counted by; when it was made and from when it pays), `until` (uptime in seconds), `machine` (this start of it) and `over` once given back.
 *
 * The machine bills on after a lease is given back. The next one takes the bill over at the end of the unit that is
 * paid, so that no hour is counted twice.
 */
export const machineScript = `set -u
LC_ALL=C; export LC_ALL
umask 077
PATH=$PATH:/usr/local/nvidia/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin
tab=$(printf '\\t')
folder=$HOME/.gpujob-rented operation=$1
shift

# The kernel's boot, and the start of the first process: a container starts anew under the same kernel.
read -r boot </proc/sys/kernel/random/boot_id
read -r stat </proc/1/stat 2>/dev/null || stat=
stat=\${stat##*") "}
machine=$boot.$(set -- $stat; echo "\${20-0}")

uptime_now() { read -r up rest </proc/uptime; echo "\${up%%.*}"; }

refuse() { echo "problem$tab$1$tab$2"; exit 0; }

# get NAME: sets value to the first line of a file of the lease.
get() { value=; { read -r value <"$at/$1"; } 2>/dev/null || :; }

# Sets top to the number of the newest lease; 0: none.
find_top() {
  top=0
  for link in "$folder"/use.*; do
    [ -h "$link" ] || continue
    number=\${link##*.}
    case $number in '' | *[!0-9]* | ?????????*) continue ;; esac
    [ "$number" -le "$top" ] || top=$number
  done
}

# open_lease NUMBER: sets at to its folder and key; fails where there is none.
open_lease() {
  at=$(readlink "$folder/use.$1" 2>/dev/null) || return 1
  at=\${at#lease:} key=\${at#at-} key=\${key%%.*}
  at=$folder/$at
  [ -d "$at" ]
}

# find_state NUMBER: up, lapsed or restarted (not in use, not given back), over (given back, bills on), ended (taken over).
find_state() {
  get over
  if [ "$1" -lt "$top" ]; then state=ended; return; fi
  if [ -n "$value" ]; then state=over; return; fi
  get machine
  if [ "$value" != "$machine" ]; then state=restarted; return; fi
  get until
  if [ "$(uptime_now)" -lt "\${value:-0}" ]; then state=up; else state=lapsed; fi
}

show_number() {
  open_lease "$1" || return 1
  find_state "$1"
  line="lease$tab$key$tab$state"
  for part in name created from; do get $part; line=$line$tab$value; done
  value=
  if [ $state = ended ] && open_lease $(($1 + 1)); then get from; fi
  echo "$line$tab$value"
}

# find_key KEY: sets found to the number of its lease.
find_key() {
  find_top
  found=$top
  while [ "$found" -gt 0 ]; do
    if open_lease "$found" && [ "$key" = "$1" ]; then return; fi
    found=$((found - 1))
  done
  return 1
}

# Everything that has been ended for a month, the newest excepted.
forget_old() {
  oldest=$((now - 2592000)) number=$((top - 1))
  while [ "$number" -gt 0 ]; do
    if open_lease "$number"; then
      get created
      [ "\${value:-0}" -ge "$oldest" ] || rm -rf "$folder/use.$number" "$at"
    fi
    number=$((number - 1))
  done
}

# What this container may use, where that is less than what its host has.
show_size() {
  cpus=$(nproc 2>/dev/null || grep -c ^processor /proc/cpuinfo)
  quota= period=
  { read -r quota period </sys/fs/cgroup/cpu.max; } 2>/dev/null || {
    { read -r quota </sys/fs/cgroup/cpu/cpu.cfs_quota_us; } 2>/dev/null
    { read -r period </sys/fs/cgroup/cpu/cpu.cfs_period_us; } 2>/dev/null
  }
  case $quota$period in '' | *[!0-9]*) ;; *) [ "$((quota / period))" -ge "$cpus" ] || cpus=$(((quota + period - 1) / period)) ;; esac
  memory=$(sed -n 's/^MemTotal: *\\([0-9]*\\).*/\\1/p' /proc/meminfo)
  limit=
  { read -r limit </sys/fs/cgroup/memory.max; } 2>/dev/null || { read -r limit </sys/fs/cgroup/memory/memory.limit_in_bytes; } 2>/dev/null
  case $limit in '' | *[!0-9]* | ????????????????*) ;; *) [ "$((limit / 1024))" -ge "$memory" ] || memory=$((limit / 1024)) ;; esac
  echo "size$tab$cpus$tab$memory$tab$(df -Pk "\${1:-$HOME}" 2>/dev/null | awk 'NR==2{print $4}')"
}

# show_machine FOLDER…: the first of these that we may write into is where our work goes.
show_machine() {
  work=
  for each in "$@"; do
    if [ -d "$each" ] && [ -w "$each" ]; then work=$each; break; fi
  done
  echo "host$tab$(id -un 2>/dev/null || id -u)$tab$work"
  show_size "$work"
  if command -v nvidia-smi >/dev/null; then
    within=; if command -v timeout >/dev/null; then within='timeout 20'; fi
    $within nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | sed "s/^/card$tab/"
  fi
}

case $operation in
  state)
    show_machine "$@"
    find_top
    number=1
    while [ $number -le $top ]; do show_number $number; number=$((number + 1)); done
    ;;
  lease)
    wanted=$1
    shift
    show_machine "$@"
    if find_key "$wanted"; then show_number $found; fi
    ;;
  create)
    wanted=$1 name=$2 seconds=$3 unit=$4 since=$5 now=$6
    shift 6
    show_machine "$@"
    mkdir -p "$folder" 2>/dev/null && [ -w "$folder" ] || refuse folder "$folder cannot be written"
    if find_key "$wanted"; then show_number $found; exit 0; fi
    from=$now
    if [ $top -gt 0 ] && open_lease $top; then
      find_state $top
      [ $state != up ] || refuse taken "another run uses the machine"
      get from
      value=\${value:-$now}
      if [ "$value" -gt "$now" ]; then from=$value
      # A unit is paid when it begins, so also by a lease that is over within the same second.
      elif [ "$value" -eq "$now" ]; then from=$((value + unit))
      else from=$((value + (now - value + unit - 1) / unit * unit))
      fi
    elif [ -n "$since" ] && [ "$since" -lt "$now" ]; then from=$since
    fi
    forget_old
    draft=at-$wanted.$$
    at=$folder/$draft
    mkdir "$at" || exit 1
    echo "$name" >"$at/name"
    echo "$now" >"$at/created"
    echo "$from" >"$at/from"
    echo "$machine" >"$at/machine"
    echo $(($(uptime_now) + seconds)) >"$at/until"
    if ! ln -s "lease:$draft" "$folder/use.$((top + 1))" 2>/dev/null; then
      rm -rf "$at"
      find_key "$wanted" || refuse taken "another run was faster"
    fi
    if find_key "$wanted"; then show_number $found; fi
    ;;
  release)
    wanted=$1 command=$2
    find_key "$wanted" || exit 0
    open_lease $found
    get over
    [ -n "$value" ] || { date +%s >"$at/over.new" && mv -f "$at/over.new" "$at/over"; }
    # Only the machine's newest lease may end it; after this answer, and in a session of its own.
    if [ -n "$command" ] && [ $found = $top ]; then
      setsid=$(command -v setsid || command -v nohup || :)
      $setsid sh -c "sleep 1; $command" >"$at/self-end" 2>&1 </dev/null &
      echo "ending"
    fi
    show_number $found
    ;;
esac
exit 0
`;
