# The supervisor: every limit is kept here, with no driver at all.

set_state() {
  [ "$state" = "$1" ] && return 0
  state=$1
  put "$control/state" "$state"
  wake_watchers
}

# Those who send beats sleep until they are woken: one sleeper per second is enough.
wake_watchers() {
  for watcher in "$control"/watchers/*; do
    [ -e "$watcher" ] && kill -s CONT "${watcher##*/}"
  done
}

# Bytes of log -> $log. The copier's own file position costs one read of /proc; the file is asked only once it is gone.
log_size() {
  if [ ! -r "/proc/${copier:-none}/fdinfo/1" ]; then
    get "$control/logger"
    # shellcheck disable=SC2086 # split on purpose
    set -- $got
    [ $# -eq 4 ] || { log=0; return; }
    copier=$1 log_base=$4
  fi
  if [ -r "/proc/$copier/fdinfo/1" ] && read -r _ log <"/proc/$copier/fdinfo/1" && [ -n "$log" ]; then
    [ "$log" -ge "$log_base" ] || log=$log_base
  else
    log=$(file_size "$control/log")
  fi
}

read_plan() {
  stopSignal=TERM grace=30000 idle= logLimit= tetherKind=long tetherLength= powerOff=none
  while IFS== read -r key value; do
    case $key in
      stopSignal) stopSignal=$value ;;
      graceMs) grace=$value ;;
      idleMs) idle=$value ;;
      logLimitBytes) logLimit=$value ;;
      tetherKind) tetherKind=$value ;;
      tetherLengthMs) tetherLength=$value ;;
      powerOff) powerOff=$value ;;
    esac
  done <"$control/plan/numbers"
}

# What setLimits moves; read anew when it does.
read_limits() {
  get "$control/deadline"
  deadline=$got
  get "$control/orphan"
  orphan=$got
  get "$control/contact"
  contact=${got:-0}
}

supervise() {
  attempt "$1"
  trap : CONT
  lives "$control/supervisor" && exit 0
  record "$control/supervisor"
  started $$
  me="$$ $ticks $boot"
  read_plan
  read_limits
  writable
  get "$control/state"
  state=$got
  get "$control/active"
  active=$got
  get "$control/boot"
  born=$got
  runner= logger= log=0 last_log= tick=0 until= clock_gap= runner_tries=0 hurry=0
  while :; do
    now
    if [ $((tick % 5)) -eq 0 ]; then
      get "$control/supervisor"
      # A newer one has taken over.
      [ "$got" = "$me" ] || exit 0
      lives "$control/guard" || detach sh "$script" guard "$dir"
      writable
      can_write=$?
    fi
    requests
    if [ -e "$control/exit" ]; then
      after_end
    elif [ "$can_write" -eq 0 ]; then
      step
    else
      wind_up
    fi
    tick=$((tick + 1))
    wake_watchers
    pause
  done
}

# Waits a second, less where the tether ends sooner; a CONT ends it early.
pause() {
  time=1
  if [ -n "$until" ] && [ "$state" != frozen ] && [ $((until - now)) -lt 1000 ] && [ $((until - now)) -gt 0 ]; then
    # The zeros before a small number.
    time=$((1000 + until - now))
    time=0.${time#1}
  fi
  # Just after the start, and while something floods the disk, a second is long.
  if [ "$hurry" -gt 0 ]; then
    hurry=$((hurry - 1))
    time=0.2
  fi
  rest $time
}

step() {
  if [ "$born" != "$boot" ] && [ ! -e "$control/stopping" ]; then
    # Nothing survives a reboot, and what had not begun must not begin on its own.
    mkdir "$control/launching" 2>/dev/null && put "$control/waited" "255 0"
    put "$control/stopping" "rebooted 0"
  fi
  if [ ! -d "$control/launching" ]; then
    launch
    return
  fi
  if [ -e "$control/stopping" ]; then
    stopping
    return
  fi
  if [ -e "$control/waited" ]; then
    # The job ended by itself; what it left behind gets a moment to do so too.
    begin_stop exited 2000
    stopping
    return
  fi
  if runs "$control/runner" "$runner"; then
    runner=$pid
  elif ! lives "$control/launching/pid"; then
    # Looked at twice: the runner may just have written the status and gone.
    [ -e "$control/waited" ] || begin_stop unknown 0
    stopping
    return
  fi
  [ "$state" = frozen ] || set_job_state
  log_size
  limits
  if [ $((tick % 10)) -eq 0 ]; then measure; fi
}

# The disk cannot be written any more: no limit could be kept and no end recorded. Beats tell it once nothing is alive.
wind_up() {
  kill_tree
  ! is_alive || return 0
  if lives "$control/runner"; then kill -s KILL "$pid" 2>/dev/null; fi
}

set_job_state() {
  if [ -e "$control/set-up" ] && { [ ! -e "$control/plan/barrier" ] || [ -e "$control/proceed" ]; }; then
    set_state running
  else
    set_state setup
  fi
}

launch() {
  set_state ready
  lives "$control/runner" && return
  [ $((runner_tries % 5)) -eq 0 ] && detach sh "$script" runner "$dir"
  runner_tries=$((runner_tries + 1))
  hurry=5
  # The runner starts within milliseconds; looking again soon keeps the first line early.
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ -e "$control/launching/pid" ] && break
    nap
  done
  [ -d "$control/launching" ] && step
}

limits() {
  get "$control/tether"
  [ -z "$got" ] || until=$got
  if [ "$state" = frozen ]; then
    # Something outside may have let it go on. Who is stopped starts nobody, so the whole is seldom looked for.
    if [ $((tick % 60)) -eq 0 ] || ! stays_frozen; then freeze_tree; fi
  elif [ "$tetherKind" = short ] && { [ "$now" -ge "${until:-0}" ] || clocks_parted; }; then
    freeze
  fi
  # Before the long tether: where both have passed, the user's own limit is the reason.
  if [ -n "$deadline" ] && [ "$now" -ge "$deadline" ]; then
    begin_stop time-limit "$grace"
    return
  fi
  if [ "$tetherKind" = long ] && [ -n "$until" ] && [ "$now" -ge "$until" ] && [ "$state" != frozen ]; then
    begin_stop tether "$grace"
    return
  fi
  if [ -n "$orphan" ] && [ $((now - contact)) -ge "$orphan" ]; then
    get "$control/contact"
    contact=${got:-$now}
    if [ $((now - contact)) -ge "$orphan" ]; then
      begin_stop orphaned "$grace"
      return
    fi
  fi
  if [ -n "$logLimit" ] && [ "$log" -ge "$logLimit" ]; then
    hurry=100
    begin_stop log-limit 2000
    return
  fi
  # At this speed the cap would be passed by far before the next look.
  if [ -n "$logLimit" ] && [ $((log + 2 * (log - ${seen_log:-$log}))) -ge "$logLimit" ]; then hurry=2; fi
  seen_log=$log
  if runs "$control/logger" "$logger"; then
    logger=$pid
  else
    # The copier ends for want of space, or because somebody killed it.
    if disk_is_full; then
      begin_stop disk-full 5000
      return
    fi
    logger
  fi
  [ -z "$idle" ] || [ "$state" = frozen ] || idleness
}

# Have wall clock and uptime gone apart since the last look? Then the machine stood still and others may have moved on.
clocks_parted() {
  wall
  apart=$((wall - now / 1000 - ${clock_gap:-$((wall - now / 1000))}))
  clock_gap=$((wall - now / 1000))
  [ "$apart" -gt 3 ] || [ "$apart" -lt -3 ]
}

freeze() {
  # First of all: whatever else is done here may take its time on a busy machine.
  freeze_tree
  read -r nonce </proc/sys/kernel/random/uuid
  put "$control/nonce" "$nonce"
  set_state frozen
}

idleness() {
  get "$control/gpu"
  busy=${got%% *}
  if [ "$log" != "$last_log" ] || [ "${busy:-0}" -ge 5 ] || [ -z "$active" ]; then
    last_log=$log
    active=$now
    return
  fi
  if [ $((now - active)) -ge "$idle" ]; then
    write_stacks
    begin_stop idle "$grace"
  fi
}

# What every process was doing when nothing moved any more; comes home with the outputs.
write_stacks() {
  tree | while read -r pid process_state; do
    printf '%s %s %s\n' "$pid" "$process_state" "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
    printf '  waits in %s\n' "$(cat "/proc/$pid/wchan" 2>/dev/null)"
    sed 's/^/  /' "/proc/$pid/stack" 2>/dev/null
    [ -z "$(command -v py-spy)" ] || timeout 10 py-spy dump --pid "$pid" 2>/dev/null
  done >"$dir/output/gpujob-stacks.txt" 2>/dev/null
}

# $1 reason, $2 grace in milliseconds. The first reason stays.
begin_stop() {
  [ ! -e "$control/stopping" ] || return 0
  if [ ! -d "$control/launching" ] && mkdir "$control/launching" 2>/dev/null; then
    # Never started, and now it never can be.
    put "$control/stopping" "$1 $now"
    put "$control/waited" "130 0"
    return
  fi
  if [ "$state" = frozen ] && [ "$1" != exited ]; then
    # Others may run this job by now: it must not go on, not even to save.
    put "$control/stopping" "$1 $now"
  else
    put "$control/stopping" "$1 $((now + $2))"
    signal_tree "$stopSignal"
    if [ "$stopSignal" != TERM ]; then
      # In a container the first process passes it on to the login shell.
      if container_runs; then
        engine kill -s TERM "$container" >/dev/null 2>&1
      elif lives "$control/launching/pid"; then
        kill -s TERM "$pid" 2>/dev/null
      fi
    fi
  fi
  set_state stopping
}

stopping() {
  get "$control/stopping"
  reason=${got% *}
  due=${got#* }
  if [ "$tetherKind" = short ]; then
    # A replacement may start once the tether has run out: then nothing is waited for.
    get "$control/tether"
    [ -z "$got" ] || until=$got
    [ "$now" -lt "${until:-0}" ] || due=$now
  fi
  log_size
  if [ -e "$control/waited" ] && ! is_alive; then
    finish
    return
  fi
  if [ "$now" -ge "$due" ] || { [ "$reason" = log-limit ] && [ "$log" -gt $((logLimit + logLimit / 8)) ]; }; then
    kill_tree
    if ! is_alive; then
      if [ -e "$control/waited" ]; then
        finish
      elif ! lives "$control/runner"; then
        finish
      fi
    fi
  fi
}

# Nothing is alive: closes the log, finds the reason, and writes the exit file, last of all.
finish() {
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    lives "$control/logger" || break
    sleep 0.2 2>/dev/null || sleep 1
  done
  ! contained || remove_container
  rm -f "$control/plan/secrets" "$control/plan/gang-key" "$control/plan/registry"
  get "$control/waited"
  if [ -n "$got" ]; then
    code=${got% *}
    ended=${got#* }
    [ "$ended" != 0 ] || { wall; ended=$wall; }
  else
    # Nobody waited for it: what we ended ourselves is known, all else is unknown, and never success.
    case $reason in
      exited | unknown) code=255 reason=unknown ;;
      rebooted) code=255 ;;
      *) code=137 ;;
    esac
    wall
    ended=$wall
  fi
  [ "$reason" != exited ] || exit_reason
  get "$control/began"
  began=${got:-0}
  : >>"$control/log"
  [ "$code" -eq 0 ] || xid=$(find_xid)
  until put "$control/exit" "$code $reason $began $ended $(file_size "$control/log") ${xid:--} end"; do
    # Removed, with all that this stands for.
    [ -d "$control" ] || exit 0
    give_reserve
    sleep 1
  done
  give_reserve
  rm -f "$control/pipe"
  put "$control/ended-at" "$now"
  set_state ended
  remove_cgroup
  after_end
}

exit_reason() {
  [ "$code" -ne 0 ] || return 0
  get "$control/oom"
  before=${got:-0}
  count_oom
  if [ "$oom_kills" -gt "$before" ]; then
    reason=out-of-memory
  elif [ -e "$control/oom-killed" ] || { [ "$code" -eq 137 ] && kernel_told_oom; }; then
    reason=out-of-memory
  elif disk_is_full; then
    reason=disk-full
  elif [ ! -e "$control/set-up" ] && { [ -s "$control/plan/setup" ] || contained; }; then
    reason=setup
  fi
}

# Seconds after boot when the job began -> $since.
find_beginning() {
  get "$control/began"
  wall
  since=$((now / 1000 - (wall - ${got:-$wall})))
}

# The error that the NVIDIA driver logged since then; one that means a bad card before one that means a bad program.
find_xid() {
  find_beginning
  dmesg 2>/dev/null | tail -n 400 |
    sed -n 's/^\[ *\([0-9]*\)\..*NVRM: Xid ([^)]*): \([0-9]*\),.*/\1 \2/p' | {
    found=
    while read -r second number; do
      [ "$second" -ge "$since" ] || continue
      case $number in
        48 | 63 | 64 | 74 | 79 | 92 | 94 | 95 | 119 | 120) found=$number ;;
        *) found=${found:-$number} ;;
      esac
    done
    echo "$found"
  }
}

# Did the kernel's own log name an out-of-memory kill since the job began?
kernel_told_oom() {
  find_beginning
  dmesg 2>/dev/null | tail -n 400 | sed -n 's/^\[ *\([0-9]*\)\..*[Oo]ut of memory: Kill.*/\1/p' |
    while read -r second; do
      [ "$second" -ge "$since" ] && echo yes
    done | grep -q yes
}

# Is there no space, or no inode, for another file? Then the reserve is given up, so that the status can be written.
disk_is_full() {
  free_space
  # Twice the reserve: it may have been given up already.
  [ "${free_kib:-999999}" -lt 2048 ] || inodes_are_gone ||
    ! { echo test >"$control/probe.$$" && [ -s "$control/probe.$$" ]; } 2>/dev/null
  full=$?
  rm -f "$control/probe.$$"
  [ $full -eq 0 ] || return 1
  give_reserve
}

# Are fewer inodes left than the reserve holds? Some file systems count none.
inodes_are_gone() {
  df -Pi "$dir/work" 2>/dev/null | {
    read -r _
    read -r _ inodes _ free _
    [ "${inodes:-0}" -gt 0 ] && [ "$free" -lt 32 ]
  } 2>/dev/null
}

# Free KiB where the work folder is -> $free_kib.
free_space() {
  free_kib=$(df -Pk "$dir/work" 2>/dev/null | { read -r _; read -r _ _ _ free _; printf %s "$free"; })
}

# Every ten seconds: numbers for the beats; the vendor's tool once a minute, and so the free space where there is much.
measure() {
  if [ $((tick % 60)) -eq 0 ] || [ "${free_kib:-0}" -lt 4194304 ]; then free_space; fi
  line="disk=$((${free_kib:-0} * 1024))"
  { read -r _ total _; read -r _; read -r _ available _; } </proc/meminfo
  line="$line mem=$(((total - available) / 1024))"
  read -r _ user nice system idle_time rest </proc/stat
  busy=$((user + nice + system))
  all=$((busy + idle_time))
  if [ -n "${last_all:-}" ] && [ "$all" -gt "$last_all" ]; then
    line="$line cpu=$(((busy - last_busy) * 100 / (all - last_all)))"
  fi
  last_all=$all last_busy=$busy
  get "$control/gpu"
  [ -z "$got" ] || line="$line gpu=${got%% *} gpumem=${got##* }"
  printf '%s\n' "$line" >"$control/stats"
  [ $((tick % 60)) -ne 0 ] || [ -z "$(command -v nvidia-smi)" ] || lives "$control/gpu-reader" || {
    sh "$script" gpu "$dir" </dev/null >/dev/null 2>&1 &
  }
  if [ "${free_kib:-999999}" -lt 64 ] || ! { echo >"$control/probe.$$"; } 2>/dev/null; then
    disk_is_full
  else
    rm -f "$control/probe.$$"
  fi
}

# Mean use and summed memory of the cards, from the vendor's tool.
read_gpu() {
  attempt "$1"
  record "$control/gpu-reader"
  nvidia-smi --query-gpu=utilization.gpu,memory.used --format=csv,noheader,nounits 2>/dev/null |
    awk -F, '{ use += $1; memory += $2; cards++ } END { if (cards) printf "%d %d\n", use / cards, memory }' >"$control/gpu.new"
  [ -s "$control/gpu.new" ] && mv -f "$control/gpu.new" "$control/gpu"
}

# The job is over. The machine ends itself only where that ends the bill, and only when no driver came.
after_end() {
  set_state ended
  if [ "$powerOff" = none ]; then
    : >"$control/over"
    exit 0
  fi
  get "$control/hold"
  hold=${got:-0}
  # With the disk kept there is nothing to wait for but a driver that is on its way.
  [ "$powerOff" = ends ] || [ "$hold" -le 60000 ] || hold=60000
  get "$control/contact"
  last=${got:-0}
  get "$control/ended-at"
  [ "${got:-0}" -le "$last" ] || last=$got
  [ $((now - last)) -ge "$hold" ] || return 0
  : >"$control/over"
  power_off
  exit 0
}

power_off() {
  prefix=
  [ "$(id -u)" = 0 ] || prefix='sudo -n'
  $prefix shutdown -h now || $prefix poweroff || $prefix systemctl poweroff || $prefix shutdown
}

# What drivers asked for, in the order in which they did.
requests() {
  for request in "$control"/requests/*; do
    case $request in *'*' | *.new) continue ;; esac
    get "$request"
    # shellcheck disable=SC2086 # split on purpose
    serve $got
    rm -f "$request"
  done
}

serve() {
  [ "${1:-}" != limits ] || read_limits
  [ ! -e "$control/exit" ] || return 0
  case ${1:-} in
    stop) begin_stop "$3" "$2" ;;
    freeze) [ ! -d "$control/launching" ] || [ -e "$control/stopping" ] || [ "$state" = frozen ] || freeze ;;
    signal) [ "$state" = frozen ] || signal_tree "$2" ;;
    thaw)
      get "$control/nonce"
      if [ "$state" = frozen ] && [ "$got" = "$2" ] && [ "$3" -gt "$now" ]; then
        rm -f "$control/nonce"
        printf '%s\n' "$3" >"$control/tether"
        until=$3
        clock_gap=
        active=
        thaw_tree
        state=thawing
        set_job_state
      fi
      ;;
  esac
}
