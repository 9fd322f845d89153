# The processes of an attempt: session, process group, descent, and the environment marker for those that left all three.

# Numbers of the processes that carry our marker.
marked() {
  if [ -z "${marker_tool:-}" ]; then
    marker_tool=sed
    printf 'a\0b\0' | grep -zqxF b 2>/dev/null && marker_tool=grep
  fi
  if [ "$marker_tool" = grep ]; then
    grep -lzxF "GPUJOB_MARK=$mark" /proc/[0-9]*/environ 2>/dev/null | tr -cd '0-9\n'
  else
    # head names each file as it prints it
    head -v -c 1000000 /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n' |
      sed -n -e '/^==> \/proc\/[0-9]*\/environ <==$/{s/[^0-9]//g;h;}' -e "/^\(==> .*\)\{0,1\}GPUJOB_MARK=$mark\$/{g;p;}"
  fi
}

# Prints "number state" of every live process of the attempt.
tree() {
  get "$control/launching/pid"
  # shellcheck disable=SC2086 # split on purpose
  set -- $got
  [ "${3:-$boot}" = "$boot" ] || return 0
  marks=$(marked | tr '\n' ' ')
  cat /proc/[0-9]*/stat 2>/dev/null | awk -v job="${1:-0}" -v begun="${2:-0}" -v marks="$marks" '
    {
      line = held $0
      if (line !~ /\) [A-Za-z] -?[0-9]+ -?[0-9]+ -?[0-9]+ /) { held = line "\n"; next }
      held = ""
      pid = line; sub(/ .*/, "", pid); pid += 0
      sub(/^.*\) /, "", line)
      split(line, field, " ")
      state[pid] = field[1]; parent[pid] = field[2]; group[pid] = field[3]; session[pid] = field[4]; start[pid] = field[20]
    }
    END {
      count = split(marks, list, /[ \n]+/)
      for (i = 1; i <= count; i++) if (list[i] + 0 > 0) ours[list[i] + 0] = 1
      # A number used again by a stranger must not name its session ours.
      valid = job > 0 && !((job in start) && start[job] != begun)
      if (valid) for (pid in state) if (pid == job || session[pid] == job || group[pid] == job) ours[pid] = 1
      do {
        grown = 0
        for (pid in state) if (!(pid in ours) && (parent[pid] in ours)) { ours[pid] = 1; grown = 1 }
      } while (grown)
      for (pid in ours) if ((pid in state) && state[pid] !~ /[ZX]/) print pid, state[pid]
    }'
}

# Sends signal $1 to the whole tree. The login shell gets it only where it catches it: the default action would end the
# shell under a program that is still saving.
signal_tree() {
  if container_runs; then
    engine exec "$container" sh "$control/supervisor.sh" within "$dir" "$1" >/dev/null 2>&1 ||
      engine kill -s "$1" "$container" >/dev/null 2>&1
    return
  fi
  lives "$control/launching/pid" || pid=0
  shell=$pid
  if [ "$shell" != 0 ]; then
    command=$(tr '\0' ' ' <"/proc/$shell/cmdline" 2>/dev/null)
    case $command in
      *"$control/plan/job"*) catches "$shell" "$1" && shell=0 ;;
      *) shell=0 ;;
    esac
  fi
  tree | while read -r pid _; do
    [ "$pid" = "$shell" ] || kill -s "$1" "$pid" 2>/dev/null
  done
}

# Does process $1 catch signal $2?
catches() {
  number=0
  for candidate in 1 2 3 10 12 14 15; do
    [ "$(kill -l "$candidate" 2>/dev/null)" = "$2" ] && number=$candidate
  done
  [ "$number" -gt 0 ] || return 1
  mask=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null)
  # The low 32 bits are enough for the standard signals, and fit every shell.
  mask=${mask#????????}
  [ -n "$mask" ] && [ $((0x$mask >> (number - 1) & 1)) -eq 1 ]
}

# Ends every process of the attempt. Repeated until none is left, because a tree may grow while it is being cut.
kill_tree() {
  if [ -e "$control/cgroup" ]; then
    get "$control/cgroup"
    { echo 1 >"$got/cgroup.kill"; } 2>/dev/null
  fi
  tree | while read -r pid _; do
    kill -s KILL "$pid" 2>/dev/null
  done
  ! container_runs || engine kill "$container" >/dev/null 2>&1
}

# Does anything of the attempt live?
is_alive() {
  [ -n "$(tree)" ] || container_runs
}

# Stops every process from running, by the cgroup freezer where we have one and SIGSTOP for the rest.
freeze_tree() {
  # The job's own group at once: whom others may have replaced must not run on while the rest is being looked for.
  if lives "$control/launching/pid"; then kill -s STOP -- "-$pid" 2>/dev/null; fi
  if [ -e "$control/cgroup" ]; then
    get "$control/cgroup"
    { echo 1 >"$got/cgroup.freeze"; } 2>/dev/null
  fi
  ! contained || pause_container
  inside=' '
  [ -e "$control/cgroup" ] && inside=" $(tr '\n' ' ' <"$got/cgroup.procs" 2>/dev/null) "
  for _ in 1 2 3 4 5; do
    stopped= running=
    for process in $(tree | tr ' ' :); do
      case ${process#*:}:$inside in
        [Tt]:*) stopped="$stopped ${process%:*}" ;;
        *" ${process%:*} "*) ;;
        *) running="$running ${process%:*}" ;;
      esac
    done
    [ -n "$running" ] || return 0
    # shellcheck disable=SC2086 # split on purpose
    kill -s STOP $running 2>/dev/null
  done
  stopped="$stopped $running"
}

# Does nothing run of what the last freeze stopped?
stays_frozen() {
  if [ -e "$control/cgroup" ]; then
    get "$control/cgroup"
    get "$got/cgroup.freeze"
    [ "$got" = 1 ] || return 1
  fi
  ! contained || stays_paused || return 1
  # A new supervisor has not looked yet.
  [ -n "${stopped+known}" ] || return 1
  for process in $stopped; do
    { read -r stat_line <"/proc/$process/stat"; } 2>/dev/null || continue
    case ${stat_line##*) } in
      [TtZX]*) ;;
      *) return 1 ;;
    esac
  done
}

thaw_tree() {
  tree | while read -r pid _; do
    kill -s CONT "$pid" 2>/dev/null
  done
  if [ -e "$control/cgroup" ]; then
    get "$control/cgroup"
    { echo 0 >"$got/cgroup.freeze"; } 2>/dev/null
  fi
  ! contained || unpause_container
}

# A cgroup of our own below the one we are in, where that may be written -> $cgroup.
find_cgroup() {
  cgroup=
  mount=
  while read -r _ point type _; do
    [ "$type" = cgroup2 ] && mount=$point && break
  done </proc/mounts
  [ -n "$mount" ] || return 1
  while IFS=: read -r hierarchy _ path; do
    [ "$hierarchy" = 0 ] && cgroup=$mount${path%/}/gpujob-$mark-$$
  done </proc/self/cgroup
  [ -n "$cgroup" ] || return 1
  mkdir "$cgroup" 2>/dev/null || return 1
  [ -w "$cgroup/cgroup.freeze" ]
}

# Gives the cgroup back; it stays for a moment while the last of its processes are being buried.
remove_cgroup() {
  get "$control/cgroup"
  [ -n "$got" ] || return 0
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    rmdir "$got" 2>/dev/null
    [ -d "$got" ] || break
    nap
  done
}

# How often the kernel ended a process of ours for lack of memory -> $oom_kills.
count_oom() {
  oom_kills=0
  get "$control/cgroup"
  for file in "${got:-/nowhere}/memory.events" /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    [ -r "$file" ] || continue
    while read -r key value; do
      [ "$key" = oom_kill ] && oom_kills=$((oom_kills + value))
    done <"$file"
  done
}
