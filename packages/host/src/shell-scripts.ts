// Generated from src/shell/ by `npm run embed -w packages/host`. Change the scripts there.
/** Runs on the machine; see the README. */
export const supervisorScript = `protocol=1
[ -n "\${GPUJOB_UMASK:-}" ] || GPUJOB_UMASK=$(umask)
export GPUJOB_UMASK
umask 077
clocks=\${GPUJOB_CLOCKS:-/proc}
newline='
'
now() {
  read -r now _ <"$clocks/uptime"
  case $now in
    *.*) now=$((\${now%.*} * 1000 + 1\${now#*.} * 10 - 1000)) ;;
    *) now=\${now}000 ;;
  esac
}
wall() {
  if [ "$clocks" != /proc ] && [ -r "$clocks/wall" ]; then
    read -r wall <"$clocks/wall"
  elif [ -n "\${EPOCHREALTIME:-}" ]; then
    wall=\${EPOCHREALTIME%[.,]*}
  elif [ -n "\${BASH_VERSION:-}" ]; then
    printf -v wall '%(%s)T' -1
  else
    wall=$(date +%s)
  fi
}
get() {
  got=
  [ -r "$1" ] || return 0
  read -r got <"$1" || got=
}
put() {
  printf '%s\\n' "$2" >"$1.$$.new" && mv -f "$1.$$.new" "$1"
}
writable() {
  { true >>"$control/probe"; } 2>/dev/null
}
give_reserve() {
  rm -f "$control/reserve" "$control"/reserve.*
}
rest() {
  [ -n "\${rests:-}" ] || find_rest
  if [ "$rests" = pipe ]; then
    read -r -t "$1" _ <&9
  else
    sleep "$1" >/dev/null 2>&1 &
    wait $!
  fi
}
become_bash() {
  if [ -n "\${BASH_VERSION:-}" ]; then
    set -o posix
  elif command -v bash >/dev/null && bash -c : 2>/dev/null; then
    exec bash --posix "$script" "$action" "$@"
  fi
}
find_rest() {
  rests=sleep
  { mkfifo "$control/rest.$$" && exec 9<>"$control/rest.$$"; } 2>/dev/null || return 0
  rm -f "$control/rest.$$"
  read -r began _ </proc/uptime
  { read -r -t 0.05 _ <&9; } 2>/dev/null
  status=$?
  read -r ended _ </proc/uptime
  [ "$status" -eq 2 ] || [ $((1\${ended%.*}\${ended#*.} - 1\${began%.*}\${began#*.})) -lt 4 ] || rests=pipe
}
nap() {
  sleep 0.05 2>/dev/null || sleep 1
}
started() {
  ticks=
  { read -r stat_line <"/proc/$1/stat"; } 2>/dev/null || return 1
  set -- \${stat_line##*) }
  case \${1:-Z} in Z | X) return 1 ;; esac
  ticks=\${20:-}
  [ -n "$ticks" ]
}
record() {
  started $$ && put "$1" "$$ $ticks $boot"
}
lives() {
  get "$1"
  set -- $got
  pid=\${1:-}
  [ $# -ge 3 ] && [ "$3" = "$boot" ] && started "$1" && [ "$ticks" = "$2" ]
}
runs() {
  pid=$2
  if [ $((tick % 10)) -eq 0 ] || [ -z "$2" ] || [ ! -d "/proc/$2" ]; then
    lives "$1"
  fi
}
detach() {
  if [ -n "$(command -v setsid)" ]; then
    setsid setsid "$@" </dev/null >>"$control/supervisor.log" 2>&1 9>&-
  else
    "$@" </dev/null >>"$control/supervisor.log" 2>&1 9>&- &
  fi
}
fail() {
  printf 'E %s\\n' "$*"
  exit 40
}
attempt() {
  dir=$1
  control=$dir/control
  mark=\${dir##*/}
  read -r boot </proc/sys/kernel/random/boot_id
}
seen_epoch() {
  seen=0
  for file in "$control"/epoch.*; do
    file=\${file##*/epoch.}
    case $file in *[!0-9]*) continue ;; esac
    [ "$file" -le "$seen" ] || seen=$file
  done
}
claim() {
  seen_epoch
  [ "$epoch" -ge "$seen" ] || fail forbidden "$seen"
  [ -d "$control" ] || return 0
  [ "$epoch" -eq "$seen" ] || true >"$control/epoch.$epoch"
  now
  { printf '%s\\n' "$now" >"$control/contact"; } 2>/dev/null || true
}
frame() {
  if [ "$1" -gt 1048576 ]; then
    dd bs=65536 count="$(($1 / 65536))" iflag=fullblock 2>/dev/null
    [ "$(($1 % 65536))" -eq 0 ] || dd bs="$(($1 % 65536))" count=1 iflag=fullblock 2>/dev/null
  elif [ "$1" -gt 0 ]; then
    dd bs="$1" count=1 iflag=fullblock 2>/dev/null
  fi
}

marked() {
  if [ -z "\${marker_tool:-}" ]; then
    marker_tool=sed
    printf 'a\\0b\\0' | grep -zqxF b 2>/dev/null && marker_tool=grep
  fi
  if [ "$marker_tool" = grep ]; then
    grep -lzxF "GPUJOB_MARK=$mark" /proc/[0-9]*/environ 2>/dev/null | tr -cd '0-9\\n'
  else
    head -v -c 1000000 /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' |
      sed -n -e '/^==> \\/proc\\/[0-9]*\\/environ <==$/{s/[^0-9]//g;h;}' -e "/^\\(==> .*\\)\\{0,1\\}GPUJOB_MARK=$mark\\$/{g;p;}"
  fi
}
tree() {
  get "$control/launching/pid"
  set -- $got
  [ "\${3:-$boot}" = "$boot" ] || return 0
  marks=$(marked | tr '\\n' ' ')
  cat /proc/[0-9]*/stat 2>/dev/null | awk -v job="\${1:-0}" -v begun="\${2:-0}" -v marks="$marks" '
    {
      line = held $0
      if (line !~ /\\) [A-Za-z] -?[0-9]+ -?[0-9]+ -?[0-9]+ /) { held = line "\\n"; next }
      held = ""
      pid = line; sub(/ .*/, "", pid); pid += 0
      sub(/^.*\\) /, "", line)
      split(line, field, " ")
      state[pid] = field[1]; parent[pid] = field[2]; group[pid] = field[3]; session[pid] = field[4]; start[pid] = field[20]
    }
    END {
      count = split(marks, list, /[ \\n]+/)
      for (i = 1; i <= count; i++) if (list[i] + 0 > 0) ours[list[i] + 0] = 1
      valid = job > 0 && !((job in start) && start[job] != begun)
      if (valid) for (pid in state) if (pid == job || session[pid] == job || group[pid] == job) ours[pid] = 1
      do {
        grown = 0
        for (pid in state) if (!(pid in ours) && (parent[pid] in ours)) { ours[pid] = 1; grown = 1 }
      } while (grown)
      for (pid in ours) if ((pid in state) && state[pid] !~ /[ZX]/) print pid, state[pid]
    }'
}
signal_tree() {
  if container_runs; then
    engine exec "$container" sh "$control/supervisor.sh" within "$dir" "$1" >/dev/null 2>&1 ||
      engine kill -s "$1" "$container" >/dev/null 2>&1
    return
  fi
  lives "$control/launching/pid" || pid=0
  shell=$pid
  if [ "$shell" != 0 ]; then
    command=$(tr '\\0' ' ' <"/proc/$shell/cmdline" 2>/dev/null)
    case $command in
      *"$control/plan/job"*) catches "$shell" "$1" && shell=0 ;;
      *) shell=0 ;;
    esac
  fi
  tree | while read -r pid _; do
    [ "$pid" = "$shell" ] || kill -s "$1" "$pid" 2>/dev/null
  done
}
catches() {
  number=0
  for candidate in 1 2 3 10 12 14 15; do
    [ "$(kill -l "$candidate" 2>/dev/null)" = "$2" ] && number=$candidate
  done
  [ "$number" -gt 0 ] || return 1
  mask=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null)
  mask=\${mask#????????}
  [ -n "$mask" ] && [ $((0x$mask >> (number - 1) & 1)) -eq 1 ]
}
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
is_alive() {
  [ -n "$(tree)" ] || container_runs
}
freeze_tree() {
  if lives "$control/launching/pid"; then kill -s STOP -- "-$pid" 2>/dev/null; fi
  if [ -e "$control/cgroup" ]; then
    get "$control/cgroup"
    { echo 1 >"$got/cgroup.freeze"; } 2>/dev/null
  fi
  ! contained || pause_container
  inside=' '
  [ -e "$control/cgroup" ] && inside=" $(tr '\\n' ' ' <"$got/cgroup.procs" 2>/dev/null) "
  for _ in 1 2 3 4 5; do
    stopped= running=
    for process in $(tree | tr ' ' :); do
      case \${process#*:}:$inside in
        [Tt]:*) stopped="$stopped \${process%:*}" ;;
        *" \${process%:*} "*) ;;
        *) running="$running \${process%:*}" ;;
      esac
    done
    [ -n "$running" ] || return 0
    kill -s STOP $running 2>/dev/null
  done
  stopped="$stopped $running"
}
stays_frozen() {
  if [ -e "$control/cgroup" ]; then
    get "$control/cgroup"
    get "$got/cgroup.freeze"
    [ "$got" = 1 ] || return 1
  fi
  ! contained || stays_paused || return 1
  [ -n "\${stopped+known}" ] || return 1
  for process in $stopped; do
    { read -r stat_line <"/proc/$process/stat"; } 2>/dev/null || continue
    case \${stat_line##*) } in
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
find_cgroup() {
  cgroup=
  mount=
  while read -r _ point type _; do
    [ "$type" = cgroup2 ] && mount=$point && break
  done </proc/mounts
  [ -n "$mount" ] || return 1
  while IFS=: read -r hierarchy _ path; do
    [ "$hierarchy" = 0 ] && cgroup=$mount\${path%/}/gpujob-$mark-$$
  done </proc/self/cgroup
  [ -n "$cgroup" ] || return 1
  mkdir "$cgroup" 2>/dev/null || return 1
  [ -w "$cgroup/cgroup.freeze" ]
}
remove_cgroup() {
  get "$control/cgroup"
  [ -n "$got" ] || return 0
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    rmdir "$got" 2>/dev/null
    [ -d "$got" ] || break
    nap
  done
}
count_oom() {
  oom_kills=0
  get "$control/cgroup"
  for file in "\${got:-/nowhere}/memory.events" /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    [ -r "$file" ] || continue
    while read -r key value; do
      [ "$key" = oom_kill ] && oom_kills=$((oom_kills + value))
    done <"$file"
  done
}

contained() {
  [ -s "$control/plan/image" ] || return 1
  container=gpujob-$mark
}
engine() {
  reach_engine
  if [ -n "$(command -v timeout)" ]; then
    timeout "\${patience:-15}" $by docker -H "$engine" "$@"
  else
    $by docker -H "$engine" "$@"
  fi
}
engine_unhurried() {
  reach_engine
  $by docker -H "$engine" "$@"
}
reach_engine() {
  engine=unix:///var/run/docker.sock
  by=
  [ -w /var/run/docker.sock ] || by='sudo -n'
}
run_container() {
  get "$control/plan/image"
  image=$got
  root=\${dir%/attempts/*}
  fetch_image || exit 125
  trap : TERM INT HUP QUIT USR1 USR2
  list_flags
  set -- $flags
  while IFS= read -r path; do
    [ ! -e "$path" ] || set -- "$@" --mount "type=bind,source=$path,target=$path"
  done <"$control/plan/mounts"
  if ! begin_container --ulimit memlock=-1:-1 --ulimit stack=67108864:67108864 "$@"; then
    if ! grep -q rlimit "$control/container-error" || ! begin_container "$@"; then
      cat "$control/container-error"
      exit 125
    fi
  fi
  note_container || exit 125
  code=
  until [ -n "$code" ]; do
    code=$(engine_unhurried wait "$container" 2>/dev/null) && break
    code=
    case $(engine inspect -f '{{.State.Status}}' "$container" 2>&1) in *[Nn]'o such'*) code=255 ;; esac
    sleep 1
  done
  [ "$(engine inspect -f '{{.State.OOMKilled}}' "$container" 2>/dev/null)" != true ] || : >"$control/oom-killed"
  if [ ! -e "$control/inside" ] && [ ! -e "$control/stopping" ]; then
    echo "gpujob: the container ended with code $code before the job began. Its image needs /bin/sh."
  fi
  exit "$code"
}
begin_container() {
  engine_unhurried run -d --name "$container" --label "gpujob=$mark" "$@" \\
    --init --user 0:0 --network host --ipc host --log-driver none --security-opt label=disable --workdir "$dir/work" \\
    -e "GPUJOB_MARK=$mark" -e "GPUJOB_UMASK=022" --entrypoint /bin/sh \\
    --mount "type=bind,source=$dir,target=$dir" --mount "type=bind,source=$root/cache,target=$root/cache" \\
    "$image" "$control/supervisor.sh" inside "$dir" >"$control/container-id" 2>"$control/container-error" && return
  engine rm -f -v "$container" >/dev/null 2>&1
  return 1
}
fetch_image() {
  if engine image inspect "$image" >/dev/null 2>&1; then
    rm -f "$control/plan/registry"
    return 0
  fi
  echo "gpujob: fetching the image $image"
  [ ! -e "$control/plan/registry" ] || {
    mkdir -p "$control/docker"
    mv -f "$control/plan/registry" "$control/docker/config.json"
  }
  pull_image || { sleep 2; pull_image; } || { sleep 5; pull_image; }
  pulled=$?
  rm -rf "$control/docker"
  [ "$pulled" -eq 0 ] || echo "gpujob: the image $image could not be fetched."
  return "$pulled"
}
pull_image() {
  if [ -e "$control/docker/config.json" ]; then
    engine_unhurried --config "$control/docker" pull "$image"
  else
    engine_unhurried pull "$image"
  fi
}
list_flags() {
  flags=
  if [ -n "$(command -v nvidia-smi)" ]; then
    if [ -n "$(command -v nvidia-container-runtime-hook)" ]; then
      flags='--gpus all'
    else
      flags='--device nvidia.com/gpu=all'
    fi
  fi
  for path in /dev/kfd /dev/mkfd /dev/davinci[0-9]* /dev/davinci_manager /dev/devmm_svm /dev/hisi_hdc /dev/infiniband; do
    [ ! -e "$path" ] || flags="$flags --device $path"
    case $path in /dev/*kfd) [ ! -e "$path" ] || [ ! -e /dev/dri ] || flags="$flags --device /dev/dri" ;; esac
  done
  for path in /usr/local/Ascend/driver /usr/local/dcmi /usr/local/bin/npu-smi /usr/local/sbin/npu-smi /etc/ascend_install.info /opt/hyhal; do
    [ ! -e "$path" ] || flags="$flags --mount type=bind,source=$path,target=$path,readonly"
  done
}
note_container() {
  first=$(engine inspect -f '{{.State.Pid}}' "$container" 2>/dev/null)
  if ! started "\${first:-0}"; then
    [ "$(engine inspect -f '{{.State.Running}}' "$container" 2>/dev/null)" = true ] || return 0
    echo "gpujob: Docker's engine runs outside of this machine, where its containers cannot be watched over."
    engine rm -f -v "$container" >/dev/null 2>&1
    return 1
  fi
  put "$control/container" "$first $ticks $boot"
  mount=
  while read -r _ point type _; do
    [ "$type" = cgroup2 ] && mount=$point && break
  done </proc/mounts
  while IFS=: read -r hierarchy _ path; do
    [ "$hierarchy" = 0 ] && [ -n "$mount" ] && [ -w "$mount$path/cgroup.freeze" ] && [ "$path" != / ] &&
      put "$control/cgroup" "$mount$path"
  done <"/proc/$first/cgroup"
  return 0
}
inside() {
  attempt "$1"
  exec </dev/null >"$control/pipe" 2>&1
  while [ -e "$control/halt" ] && [ ! -e "$control/stopping" ]; do sleep 1; done
  [ ! -e "$control/stopping" ] || exit 143
  : >"$control/inside"
  plain_shell "$control/plan/job"
}
plain_shell() {
  cd "\${1%/control/plan/job}/work" || exit 126
  if [ -n "$(command -v bash)" ]; then exec bash "$@"; fi
  exec sh "$@"
}
within() {
  attempt "$1"
  signal=$2
  first=
  others=
  for folder in /proc/[0-9]*; do
    each=\${folder#/proc/}
    [ "$each" -gt 1 ] && [ "$each" != $$ ] && { read -r stat_line <"$folder/stat"; } 2>/dev/null || continue
    set -- \${stat_line##*) }
    case $2:$(tr '\\0' ' ' <"$folder/cmdline" 2>/dev/null) in
      *"$control/supervisor.sh within"*) ;;
      1:*" $control/plan/job"*) ! catches "$each" "$signal" || first="$first $each" ;;
      *) others="$others $each" ;;
    esac
  done
  kill -s "$signal" $first $others 2>/dev/null
}
container_runs() {
  contained || return 1
  if [ -e "$control/container" ]; then
    lives "$control/container"
    return
  fi
  [ -e "$control/container-id" ] || return 1
  case $(engine inspect -f '{{.State.Running}}' "$container" 2>&1) in
    true) return 0 ;;
    false | *[Nn]'o such'*) return 1 ;;
    *) [ -e "$control/inside" ] ;;
  esac
}
pause_container() {
  : >"$control/halt"
  [ ! -e "$control/cgroup" ] && [ ! -e "$control/paused" ] && container_runs || return 0
  engine pause "$container" >/dev/null 2>&1 && : >"$control/paused"
}
unpause_container() {
  rm -f "$control/halt"
  [ -e "$control/paused" ] || return 0
  engine unpause "$container" >/dev/null 2>&1
  rm -f "$control/paused"
}
stays_paused() {
  [ ! -e "$control/cgroup" ] && container_runs || return 0
  [ -e "$control/paused" ] || return 1
  [ $((tick % 10)) -eq 0 ] || return 0
  [ "$(engine inspect -f '{{.State.Paused}}' "$container" 2>/dev/null)" = false ] || return 0
  rm -f "$control/paused"
  return 1
}
remove_container() {
  root=\${dir%/attempts/*}
  patience=60
  engine rm -f -v "$container" >/dev/null 2>&1
  if [ "$(id -u)" != 0 ] && [ -e "$control/inside" ] && [ ! -e "$control/handed-back" ]; then
    get "$control/plan/image"
    case $(engine info -f '{{.SecurityOptions}}' 2>/dev/null) in
      *rootless* | *userns*) ;;
      *)
        engine run --rm --network none --user 0:0 --security-opt label=disable --entrypoint chown \\
          --mount "type=bind,source=$dir,target=$dir" --mount "type=bind,source=$root/cache,target=$root/cache" \\
          "$got" -R "$(id -u):$(id -g)" "$dir/work" "$dir/output" "$root/cache" >>"$control/supervisor.log" 2>&1
        ;;
    esac
    : >"$control/handed-back"
  fi
  patience=
}

logger() {
  base=$(file_size "$control/log")
  cat <"$control/pipe" >>"$control/log" 2>>"$control/supervisor.log" 4>&- &
  logger=$!
  started "$logger" && put "$control/logger" "$logger $ticks $boot $base"
}
file_size() {
  stat -c %s "$1" 2>/dev/null && return 0
  ls -ln "$1" 2>/dev/null | awk '{ print $5 }'
}
runner() {
  attempt "$1"
  lives "$control/runner" && exit 0
  record "$control/runner"
  [ -p "$control/pipe" ] || mkfifo "$control/pipe"
  : >>"$control/log"
  exec 4<>"$control/pipe"
  logger
  count_oom
  put "$control/oom" "$oom_kills"
  wall
  put "$control/began" "$wall"
  (
    GPUJOB_MARK=$mark
    export GPUJOB_MARK
    exec </dev/null >"$control/pipe" 2>&1 4>&-
    if [ -n "$(command -v setsid)" ]; then exec setsid sh "$script" job "$dir"; fi
    exec sh "$script" job "$dir"
  )
  code=$?
  get "$control/launching/pid"
  [ "\${got##* }" = $$ ] || exit 0
  wall
  until put "$control/waited" "$code $wall"; do
    [ -d "$control" ] || exit 0
    give_reserve
    sleep 1
  done
  wake_supervisor
  exec 4>&-
  wait
}
job() {
  attempt "$1"
  mkdir "$control/launching" 2>/dev/null || exit 97
  started $$
  put "$control/launching/pid" "$$ $ticks $boot $PPID"
  ! contained || run_container
  if find_cgroup && { echo $$ >"$cgroup/cgroup.procs"; } 2>/dev/null; then
    put "$control/cgroup" "$cgroup"
  fi
  login_shell "$control/plan/job"
}
login_shell() {
  cd "\${1%/control/plan/job}/work" || exit 126
  if [ -n "$(command -v bash)" ]; then
    exec bash -l "$@"
  fi
  sh -l -c : 2>/dev/null && exec sh -l "$@"
  GPUJOB_PROFILE=1 exec sh "$@"
}
wake_supervisor() {
  lives "$control/supervisor" && kill -s CONT "$pid" 2>/dev/null
}
ensure() {
  [ -e "$control/wanted" ] || return 0
  [ ! -e "$control/over" ] || return 0
  lives "$control/guard" && lives "$control/supervisor" && return 0
  linger sh "$script" guard "$dir"
}
linger() {
  if [ "$(id -u)" != 0 ] && [ -n "$(command -v systemd-run)" ] && kills_leftovers; then
    loginctl enable-linger >/dev/null 2>&1
    if systemd-run --user --scope --quiet true >/dev/null 2>&1; then
      detach systemd-run --user --scope --quiet "$@"
      return
    fi
  fi
  detach "$@"
}
kills_leftovers() {
  case $(busctl get-property org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager KillUserProcesses 2>/dev/null) in
    *true) return 0 ;;
  esac
  return 1
}
guard() {
  attempt "$1"
  lives "$control/guard" && exit 0
  record "$control/guard"
  started $$
  me="$$ $ticks $boot"
  while [ ! -e "$control/over" ] && [ -d "$control" ]; do
    get "$control/guard"
    [ "$got" = "$me" ] || exit 0
    if lives "$control/supervisor"; then
      sleep 1
    else
      now
      begun=$now
      sh "$script" supervise "$dir" </dev/null
      now
      [ $((now - begun)) -gt 2000 ] || [ -e "$control/over" ] || nap
      burnt=$((\${burnt:-0} + 1))
      [ $((now - begun)) -le 2000 ] || burnt=0
      [ "$burnt" -lt 5 ] || sleep 1
    fi
  done
}

set_state() {
  [ "$state" = "$1" ] && return 0
  state=$1
  put "$control/state" "$state"
  wake_watchers
}
wake_watchers() {
  for watcher in "$control"/watchers/*; do
    [ -e "$watcher" ] && kill -s CONT "\${watcher##*/}"
  done
}
log_size() {
  if [ ! -r "/proc/\${copier:-none}/fdinfo/1" ]; then
    get "$control/logger"
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
read_limits() {
  get "$control/deadline"
  deadline=$got
  get "$control/orphan"
  orphan=$got
  get "$control/contact"
  contact=\${got:-0}
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
pause() {
  time=1
  if [ -n "$until" ] && [ "$state" != frozen ] && [ $((until - now)) -lt 1000 ] && [ $((until - now)) -gt 0 ]; then
    time=$((1000 + until - now))
    time=0.\${time#1}
  fi
  if [ "$hurry" -gt 0 ]; then
    hurry=$((hurry - 1))
    time=0.2
  fi
  rest $time
}
step() {
  if [ "$born" != "$boot" ] && [ ! -e "$control/stopping" ]; then
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
    begin_stop exited 2000
    stopping
    return
  fi
  if runs "$control/runner" "$runner"; then
    runner=$pid
  elif ! lives "$control/launching/pid"; then
    [ -e "$control/waited" ] || begin_stop unknown 0
    stopping
    return
  fi
  [ "$state" = frozen ] || set_job_state
  log_size
  limits
  if [ $((tick % 10)) -eq 0 ]; then measure; fi
}
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
    if [ $((tick % 60)) -eq 0 ] || ! stays_frozen; then freeze_tree; fi
  elif [ "$tetherKind" = short ] && { [ "$now" -ge "\${until:-0}" ] || clocks_parted; }; then
    freeze
  fi
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
    contact=\${got:-$now}
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
  if [ -n "$logLimit" ] && [ $((log + 2 * (log - \${seen_log:-$log}))) -ge "$logLimit" ]; then hurry=2; fi
  seen_log=$log
  if runs "$control/logger" "$logger"; then
    logger=$pid
  else
    if disk_is_full; then
      begin_stop disk-full 5000
      return
    fi
    logger
  fi
  [ -z "$idle" ] || [ "$state" = frozen ] || idleness
}
clocks_parted() {
  wall
  apart=$((wall - now / 1000 - \${clock_gap:-$((wall - now / 1000))}))
  clock_gap=$((wall - now / 1000))
  [ "$apart" -gt 3 ] || [ "$apart" -lt -3 ]
}
freeze() {
  freeze_tree
  read -r nonce </proc/sys/kernel/random/uuid
  put "$control/nonce" "$nonce"
  set_state frozen
}
idleness() {
  get "$control/gpu"
  busy=\${got%% *}
  if [ "$log" != "$last_log" ] || [ "\${busy:-0}" -ge 5 ] || [ -z "$active" ]; then
    last_log=$log
    active=$now
    return
  fi
  if [ $((now - active)) -ge "$idle" ]; then
    write_stacks
    begin_stop idle "$grace"
  fi
}
write_stacks() {
  tree | while read -r pid process_state; do
    printf '%s %s %s\\n' "$pid" "$process_state" "$(tr '\\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
    printf '  waits in %s\\n' "$(cat "/proc/$pid/wchan" 2>/dev/null)"
    sed 's/^/  /' "/proc/$pid/stack" 2>/dev/null
    [ -z "$(command -v py-spy)" ] || timeout 10 py-spy dump --pid "$pid" 2>/dev/null
  done >"$dir/output/gpujob-stacks.txt" 2>/dev/null
}
begin_stop() {
  [ ! -e "$control/stopping" ] || return 0
  if [ ! -d "$control/launching" ] && mkdir "$control/launching" 2>/dev/null; then
    put "$control/stopping" "$1 $now"
    put "$control/waited" "130 0"
    return
  fi
  if [ "$state" = frozen ] && [ "$1" != exited ]; then
    put "$control/stopping" "$1 $now"
  else
    put "$control/stopping" "$1 $((now + $2))"
    signal_tree "$stopSignal"
    if [ "$stopSignal" != TERM ]; then
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
  reason=\${got% *}
  due=\${got#* }
  if [ "$tetherKind" = short ]; then
    get "$control/tether"
    [ -z "$got" ] || until=$got
    [ "$now" -lt "\${until:-0}" ] || due=$now
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
finish() {
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    lives "$control/logger" || break
    sleep 0.2 2>/dev/null || sleep 1
  done
  ! contained || remove_container
  rm -f "$control/plan/secrets" "$control/plan/gang-key" "$control/plan/registry"
  get "$control/waited"
  if [ -n "$got" ]; then
    code=\${got% *}
    ended=\${got#* }
    [ "$ended" != 0 ] || { wall; ended=$wall; }
  else
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
  began=\${got:-0}
  : >>"$control/log"
  [ "$code" -eq 0 ] || xid=$(find_xid)
  until put "$control/exit" "$code $reason $began $ended $(file_size "$control/log") \${xid:--} end"; do
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
  before=\${got:-0}
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
find_beginning() {
  get "$control/began"
  wall
  since=$((now / 1000 - (wall - \${got:-$wall})))
}
find_xid() {
  find_beginning
  dmesg 2>/dev/null | tail -n 400 |
    sed -n 's/^\\[ *\\([0-9]*\\)\\..*NVRM: Xid ([^)]*): \\([0-9]*\\),.*/\\1 \\2/p' | {
    found=
    while read -r second number; do
      [ "$second" -ge "$since" ] || continue
      case $number in
        48 | 63 | 64 | 74 | 79 | 92 | 94 | 95 | 119 | 120) found=$number ;;
        *) found=\${found:-$number} ;;
      esac
    done
    echo "$found"
  }
}
kernel_told_oom() {
  find_beginning
  dmesg 2>/dev/null | tail -n 400 | sed -n 's/^\\[ *\\([0-9]*\\)\\..*[Oo]ut of memory: Kill.*/\\1/p' |
    while read -r second; do
      [ "$second" -ge "$since" ] && echo yes
    done | grep -q yes
}
disk_is_full() {
  free_space
  [ "\${free_kib:-999999}" -lt 2048 ] || inodes_are_gone ||
    ! { echo test >"$control/probe.$$" && [ -s "$control/probe.$$" ]; } 2>/dev/null
  full=$?
  rm -f "$control/probe.$$"
  [ $full -eq 0 ] || return 1
  give_reserve
}
inodes_are_gone() {
  df -Pi "$dir/work" 2>/dev/null | {
    read -r _
    read -r _ inodes _ free _
    [ "\${inodes:-0}" -gt 0 ] && [ "$free" -lt 32 ]
  } 2>/dev/null
}
free_space() {
  free_kib=$(df -Pk "$dir/work" 2>/dev/null | { read -r _; read -r _ _ _ free _; printf %s "$free"; })
}
measure() {
  if [ $((tick % 60)) -eq 0 ] || [ "\${free_kib:-0}" -lt 4194304 ]; then free_space; fi
  line="disk=$((\${free_kib:-0} * 1024))"
  { read -r _ total _; read -r _; read -r _ available _; } </proc/meminfo
  line="$line mem=$(((total - available) / 1024))"
  read -r _ user nice system idle_time rest </proc/stat
  busy=$((user + nice + system))
  all=$((busy + idle_time))
  if [ -n "\${last_all:-}" ] && [ "$all" -gt "$last_all" ]; then
    line="$line cpu=$(((busy - last_busy) * 100 / (all - last_all)))"
  fi
  last_all=$all last_busy=$busy
  get "$control/gpu"
  [ -z "$got" ] || line="$line gpu=\${got%% *} gpumem=\${got##* }"
  printf '%s\\n' "$line" >"$control/stats"
  [ $((tick % 60)) -ne 0 ] || [ -z "$(command -v nvidia-smi)" ] || lives "$control/gpu-reader" || {
    sh "$script" gpu "$dir" </dev/null >/dev/null 2>&1 &
  }
  if [ "\${free_kib:-999999}" -lt 64 ] || ! { echo >"$control/probe.$$"; } 2>/dev/null; then
    disk_is_full
  else
    rm -f "$control/probe.$$"
  fi
}
read_gpu() {
  attempt "$1"
  record "$control/gpu-reader"
  nvidia-smi --query-gpu=utilization.gpu,memory.used --format=csv,noheader,nounits 2>/dev/null |
    awk -F, '{ use += $1; memory += $2; cards++ } END { if (cards) printf "%d %d\\n", use / cards, memory }' >"$control/gpu.new"
  [ -s "$control/gpu.new" ] && mv -f "$control/gpu.new" "$control/gpu"
}
after_end() {
  set_state ended
  if [ "$powerOff" = none ]; then
    : >"$control/over"
    exit 0
  fi
  get "$control/hold"
  hold=\${got:-0}
  [ "$powerOff" = ends ] || [ "$hold" -le 60000 ] || hold=60000
  get "$control/contact"
  last=\${got:-0}
  get "$control/ended-at"
  [ "\${got:-0}" -le "$last" ] || last=$got
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
requests() {
  for request in "$control"/requests/*; do
    case $request in *'*' | *.new) continue ;; esac
    get "$request"
    serve $got
    rm -f "$request"
  done
}
serve() {
  [ "\${1:-}" != limits ] || read_limits
  [ ! -e "$control/exit" ] || return 0
  case \${1:-} in
    stop) begin_stop "$3" "$2" ;;
    freeze) [ ! -d "$control/launching" ] || [ -e "$control/stopping" ] || [ "$state" = frozen ] || freeze ;;
    signal) [ "$state" = frozen ] || signal_tree "$2" ;;
    thaw)
      get "$control/nonce"
      if [ "$state" = frozen ] && [ "$got" = "$2" ] && [ "$3" -gt "$now" ]; then
        rm -f "$control/nonce"
        printf '%s\\n' "$3" >"$control/tether"
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

beat() {
  read_beat
  printf '%s\\n' "$line"
}
read_beat() {
  now
  if [ $((\${beats:=0} % 10)) -eq 0 ] || [ "$clocks" != /proc ]; then
    wall
    wall_gap=$((wall * 1000 - now))
  fi
  beats=$((beats + 1))
  line="B $protocol up=$now wall=$((now + wall_gap)) boot=$boot"
  get "$control/exit"
  case $got in
    *' end')
      set -- $got
      line="$line state=ended log=$5 code=$1 reason=$2 started=$3 ended=$4"
      [ "$6" = - ] || line="$line xid=$6"
      return
      ;;
  esac
  if [ ! -e "$control/plan/numbers" ]; then
    line="$line state=absent log=0"
    return
  fi
  get "$control/state"
  if [ "$got" = setup ] && [ -e "$control/set-up" ] && { [ ! -e "$control/plan/barrier" ] || [ -e "$control/proceed" ]; }; then
    got=running
  fi
  line="$line state=\${got:-ready}"
  [ "$got" != frozen ] || { get "$control/nonce"; line="$line nonce=$got"; }
  [ ! -e "$control/set-up" ] || line="$line setup=1"
  log_size
  if [ -z "\${can_write:-}" ] || [ $((beats % 3)) -eq 1 ]; then
    get "$control/stats"
    stats=$got
    writable
    can_write=$?
  fi
  line="$line log=$log $stats"
  [ "$can_write" -eq 0 ] || tell_lost_disk
}
tell_lost_disk() {
  if is_alive || lives "$control/runner"; then
    line="B $protocol up=$now wall=$((now + wall_gap)) boot=$boot state=stopping log=$log"
    return
  fi
  get "$control/began"
  line="B $protocol up=$now wall=$((now + wall_gap)) boot=$boot state=ended log=$log code=255 reason=disk-full"
  line="$line started=\${got:-0} ended=$(((now + wall_gap) / 1000))"
}
prepare() {
  now
  mkdir -p "$dir/work" "$dir/output" "$control/requests" "$control/watchers" "$root/cache"
  claim
  if [ ! -d "$control/launching" ]; then
    new=$control/plan.$$
    rm -rf "$new"
    mkdir "$new"
    while read -r name size; do
      [ "$name" != end ] || break
      frame "$size" >"$new/$name"
    done
    [ "\${name:-}" = end ] || fail incomplete
    cp "$script" "$control/supervisor.new" && mv -f "$control/supervisor.new" "$control/supervisor.sh"
    dd if=/dev/zero of="$control/reserve" bs=65536 count=16 2>/dev/null
    for number in 1 2 3 4 5 6 7 8 9 10 11 12; do echo >"$control/reserve.$number"; done
    writable
    while IFS== read -r key value; do
      case $key in
        timeLimitMs) put "$control/deadline" $((now + value)) ;;
        orphanMs) put "$control/orphan" "$value" ;;
        holdMs) put "$control/hold" "$value" ;;
      esac
    done <"$new/numbers"
    put "$control/boot" "$boot"
    rm -rf "$control/plan.old"
    [ ! -d "$control/plan" ] || mv "$control/plan" "$control/plan.old"
    mv "$new" "$control/plan" || fail disk-full
    open_gang
    rm -rf "$control/plan.old"
  fi
  beat
}
start() {
  claim
  [ -e "$control/plan/numbers" ] || fail absent
  if [ ! -e "$control/exit" ]; then
    if [ ! -e "$control/tether" ]; then
      read_plan
      now
      printf '%s\\n' $((now + tetherLength)) >"$control/tether"
    fi
    : >"$control/wanted"
    ensure
    tries=0
    until [ -e "$control/exit" ] || [ "$tries" -gt 200 ]; do
      get "$control/state"
      case $got in setup | running | frozen | stopping) break ;; esac
      tries=$((tries + 1))
      nap
    done
  fi
  beat
}
perform() {
  verb=$1
  case $verb in
    beat) ;;
    renew)
      now
      get "$control/state"
      job_state=$got
      get "$control/tether"
      if [ "$job_state" != frozen ] && [ "$now" -lt "\${got:-0}" ] && [ "$2" -gt "$got" ]; then
        printf '%s\\n' "$2" 1<>"$control/tether"
      fi
      ;;
    limits)
      now
      [ "$2" = - ] || put "$control/deadline" $((now + $2))
      [ "$3" = - ] || put "$control/orphan" "$3"
      [ "$4" = - ] || put "$control/hold" "$4"
      [ ! -e "$control/wanted" ] || ask_supervisor limits
      ;;
    proceed) : >"$control/proceed" ;;
    stop | freeze | thaw | signal)
      [ -e "$control/plan/numbers" ] || fail absent
      if [ "$verb" = stop ] && [ ! -e "$control/wanted" ]; then
        : >"$control/wanted"
      fi
      ask_supervisor "$@"
      ;;
    *) fail unsupported "$verb" ;;
  esac
}
ask_supervisor() {
  now
  number=$((\${number:-0} + 1))
  request=$control/requests/$now.$$.$number
  put "$request" "$*"
  ensure
  wake_supervisor
  tries=0
  while [ "$1" != stop ] && [ -e "$request" ] && [ "$tries" -lt 60 ]; do
    tries=$((tries + 1))
    nap
    [ $((tries % 20)) -ne 0 ] || wake_supervisor
  done
}
control() {
  claim
  [ -d "$control" ] || fail absent
  ensure
  hear
  emit &
  emitter=$!
  true >"$control/watchers/$emitter"
  while read -r id words; do
    seen_epoch
    if [ "$epoch" -lt "$seen" ]; then
      printf 'R %s E forbidden %s\\n' "$id" "$seen"
      break
    fi
    now
    [ $((now - heard)) -lt 5000 ] || hear
    [ "$id" != ping ] || continue
    perform $words
    case $words in
      renew*brief) line=ok ;;
      *) read_beat ;;
    esac
    printf 'R %s %s\\n' "$id" "$line"
  done
  rm -f "$control/watchers/$emitter" "$control/heard.$$"
  kill "$emitter" 2>/dev/null
}
hear() {
  heard=$now
  printf '%s\\n' "$now" >"$control/contact"
  printf '%s\\n' "$now" >"$control/heard.$$"
}
emit() {
  trap : CONT
  while :; do
    beat || exit 0
    if [ $((beats % 5)) -eq 0 ]; then
      ensure
      seen_epoch
      if [ "$epoch" -lt "$seen" ]; then
        printf 'E forbidden %s\\n' "$seen"
        kill $$
        exit 0
      fi
      get "$control/heard.$$"
      if [ -n "$got" ] && [ $((now - got)) -gt 120000 ]; then
        kill $$
        exit 0
      fi
    fi
    rest 5
  done
}
follow() {
  claim
  : >>"$control/log"
  follow_log "$1" </dev/null &
  follower=$!
  while read -r _; do :; done
  kill "$follower" 2>/dev/null
}
follow_log() {
  case $(tail --version 2>/dev/null) in *GNU*) often=-s0.1 ;; *) often= ;; esac
  case $often$(stat -f -c %T "$control/log" 2>/dev/null) in
    -s0.1ext2/ext3 | -s0.1xfs | -s0.1btrfs | -s0.1tmpfs) ;;
    *)
      if command -v perl >/dev/null && perl -e "$can_notify" 2>/dev/null; then
        exec perl -e "$follower_text" "$control/log" "$1"
      fi
      ;;
  esac
  exec tail $often -c "+$(($1 + 1))" -f "$control/log"
}
open_events='
  use Config;
  my ($init, $add) = $Config{archname} =~ /^x86_64-linux/ ? (294, 254) : $Config{archname} =~ /^aarch64-linux/ ? (26, 27) : exit 1;
  my $number = syscall($init, 0);
  exit 1 if $number < 0 || syscall($add, $number, my $name = $log, 2) < 0;
  open(my $events, "<&=", $number) or exit 1;
'
can_notify='my $log = "/";'$open_events
follower_text='
  my ($log, $from) = @ARGV;
  '$open_events'
  open(my $file, "<", $log) or exit 1;
  sysseek($file, $from, 0);
  while (1) {
    while (my $count = sysread($file, my $bytes, 65536)) {
      my $sent = 0;
      while ($sent < $count) {
        my $step = syswrite(STDOUT, $bytes, $count - $sent, $sent);
        exit unless defined $step;
        $sent += $step;
      }
    }
    vec(my $ready = "", $number, 1) = 1;
    sysread($events, my $told, 4096) if select($ready, undef, undef, 1) > 0;
  }
'
finish_all() {
  claim
  if [ -d "$control" ]; then
    if [ -e "$control/plan/numbers" ] && [ ! -e "$control/exit" ]; then
      number=0
      : >"$control/wanted"
      perform stop 0 stopped
      tries=0
      until [ -e "$control/exit" ] || [ "$tries" -gt 400 ] || ! writable; do
        tries=$((tries + 1))
        wake_supervisor
        nap
      done
      [ -e "$control/exit" ] || kill_tree
    fi
    true >"$control/over"
    for process in guard supervisor; do
      lives "$control/$process" && kill -s KILL "$pid" 2>/dev/null
    done
    kill_tree
    ! contained || remove_container
    remove_cgroup
    close_gang
    rm -f "$control/plan/secrets" "$control/plan/gang-key" "$control/plan/registry"
  fi
  beat
  [ "$1" = remove ] || return 0
  tries=0
  while [ "$tries" -lt 400 ] && lives "$root/spare/maker"; do
    set -- "$control"/stock.*
    [ -e "$1" ] || break
    tries=$((tries + 1))
    nap
  done
  rm -rf "$dir"
}
run_beside() {
  claim
  [ -e "$control/plan/job" ] || fail absent
  GPUJOB_MARK=$mark
  export GPUJOB_MARK
  if contained; then
    reach_engine
    exec $by docker -H "$engine" exec -i "$container" sh "$control/supervisor.sh" beside "$dir" "$@"
  fi
  login_shell "$control/plan/job" exec "$@"
}

list_files() {
  claim
  cd "$dir/$1" || fail absent
  strange="*$newline*"
  find . -name "$strange" -prune -o -type f -exec stat -c 'f %s %a %Y %n' {} + 2>/dev/null
  find . -name "$strange" -prune -o -type l -print 2>/dev/null | sed 's/^/l /'
  find . -name "$strange" -prune -o ! -type f ! -type d ! -type l -print 2>/dev/null | sed 's/^/o /'
  find . -name "$strange" -prune -print0 2>/dev/null | tr '\\n\\0' '?\\n' | sed 's/^/n /'
  echo .
}
sums() {
  if [ -n "$(command -v openssl)" ] && { [ -n "\${heavy:-}" ] || [ -z "$(command -v sha256sum)" ]; }; then
    xargs -0 -r openssl dgst -sha256 -r 2>/dev/null
  else
    xargs -0 -r sha256sum 2>/dev/null
  fi
}
hash_files() {
  claim
  cd "$dir/$1" || fail absent
  heavy=1
  sums
  echo .
}
read_file() {
  claim
  cd "$dir/$1" || fail absent
  { [ -f "$2" ] && [ ! -L "$2" ]; } || fail absent "$2"
  if [ "$3" -eq 0 ]; then exec cat "$2"; fi
  exec tail -c "+$(($3 + 1))" "$2"
}
read_files() {
  claim
  cd "$dir/$1" || fail absent
  exec xargs -0 -r cat
}

verified() {
  sum_lines "$1" "$2" >"$1.sums"
  awk -v others="$1.others" '
    FILENAME == ARGV[1] && /^\\\\/ { $0 = substr($0, 2); gsub(/\\\\\\\\/, "\\\\") }
    FILENAME == ARGV[1] { sum[substr($0, 69)] = substr($0, 1, 64); next }
    sum[substr($0, 71)] == substr($0, 1, 64) { print; next }
    { print >others }' "$1.sums" "$1"
}
fold() {
  [ -e "$1/come" ] || return 0
  [ -e "$1/gone" ] || : >"$1/gone"
  awk '
    FILENAME == ARGV[1] { gone[$0] = 1; next }
    FILENAME == ARGV[2] { gone[substr($0, 71)] = 1; print; next }
    !(substr($0, 71) in gone)' "$1/gone" "$1/come" "$1/list" >"$1/folded" || fail broken awk
  mv "$1/folded" "$1/list"
  rm -f "$1/come" "$1/gone"
}
sum_lines() (
  lines=$1
  folder=$2
  set --
  while IFS= read -r line && [ $# -le 64 ]; do set -- "$@" "./\${line#* * }"; done <"$lines"
  if [ $# -le 64 ] && [ -n "$(command -v sha256sum)" ]; then
    cd "$folder" && [ $# -gt 0 ] && exec sha256sum "$@" 2>/dev/null
  else
    sed 's,^.\\{70\\},./,' "$lines" | tr '\\n' '\\0' | (cd "$folder" && sums)
  fi
)
begin_coming() {
  coming=$control/coming.$$
  mkdir -p "$coming" || fail disk-full
  started $$ && echo "$$ $ticks $boot" >"$coming/owner"
}
unpack() {
  begin_change
  frame "$1" | tar -xpf - -C "$dir/work" 2>/dev/null
  list=$coming/list
  [ -e "$list" ] || list=$coming/need
  verified "$list" "$dir/work" >>"$control/placed.$$"
}
make_folders() {
  begin_change
  cut -b71- "$1" | sed -n 's,/[^/]*$,,p' | uniq | tr '\\n' '\\0' | (cd "$dir/work" && xargs -0 -r mkdir -p -- 2>/dev/null) || :
}
begin_change() {
  [ -d "$dir/work" ] || mkdir -p "$dir/work" || fail disk-full
  [ -d "$control/tree" ] || mkdir "$control/tree"
  echo changing >"$control/tree/name"
}
receive() {
  claim
  LC_ALL=C
  export LC_ALL
  heavy=1
  begin_coming
  while read -r kind size; do
    case $kind in
      list)
        frame "$size" >"$coming/list"
        make_folders "$coming/list"
        ;;
      tar) unpack "$size" ;;
      *) break ;;
    esac
  done
  rm -rf "$coming"
  echo done
}
receive_ranges() {
  claim
  while read -r hash offset length; do
    [ -d "$root/store/big/$hash" ] || mkdir -p "$root/store/big/$hash"
    blocks=$((length / 65536))
    rest=$((length % 65536))
    {
      dd bs=65536 seek=$((offset / 65536)) count="$blocks" iflag=fullblock conv=notrunc
      [ "$rest" -eq 0 ] || dd bs="$rest" count=1 iflag=fullblock conv=notrunc
    } 1<>"$root/store/big/$hash/data" 2>/dev/null
    printf '%s %s\\n' "$offset" "$length" >>"$root/store/big/$hash/ranges"
  done
  echo done
}
sync_tree() {
  begin_coming
  claim
  LC_ALL=C
  export LC_ALL
  cd "$coming" || fail disk-full
  base=
  name=unnamed
  salvage
  offer_bases
  while read -r kind size rest; do
    case $kind in
      base) adopt "$size" ;;
      gone)
        frame "$size" >gone
        begin_change
        sed 's,^,./,' gone | tr '\\n' '\\0' | (cd "$dir/work" && xargs -0 rm -f)
        ;;
      need) frame "$size" >need ;;
      want)
        frame "$size" >want
        find_missing
        ;;
      space)
        [ -d "$dir/work" ] || mkdir "$dir/work" || fail disk-full
        free_space
        [ $((\${free_kib:-0} * 1024)) -ge "$size" ] || fail disk-full "$size" $((\${free_kib:-0} * 1024))
        ;;
      list) frame "$size" >list ;;
      tar) unpack "$size" ;;
      big) assemble "$size" "\${rest%% *}" "\${rest#* }" ;;
      links) frame "$size" >links ;;
      place) frame "$size" >place ;;
      name) name=$size ;;
      build)
        build
        break
        ;;
      *) fail unsupported "$kind" ;;
    esac
  done
  cd "$root" || exit 0
  [ -n "\${touched:-}" ] || rm -rf "$coming"
}
salvage() {
  for left in "$control"/coming.*; do
    [ "$left" != "$coming" ] || continue
    [ -d "$left" ] || continue
    lives "$left/owner" && kill -s KILL "$pid" 2>/dev/null
    for each in "$left/list" "$left/need"; do [ ! -e "$each" ] || cat "$each" >>found; done
    rm -rf "$left"
  done
  for left in "$control"/placed.*; do
    [ -e "$left" ] || continue
    cat "$left" >>found
    rm -f "$left"
  done
  if [ -s found ]; then verified found "$dir/work" >"$control/placed.$$"; fi
  for left in "$root"/attempts/*/control/coming.*/list; do
    [ -e "$left" ] || continue
    owner=\${left%/list}/owner
    other=\${left%/control/coming.*}
    [ "$other" != "$dir" ] && ! lives "$owner" || continue
    [ -d "$dir/work" ] || mkdir "$dir/work"
    stock "$left" "$other/work"
    rm -rf "\${left%/list}"
  done
}
offer_bases() {
  [ ! -d "$control/launching" ] || rm -rf "$control/tree"
  get "$control/tree/name"
  [ "$got" != changing ] || rm -rf "$control/tree"
  fold "$control/tree"
  if [ -e "$control/tree/list" ]; then
    [ "$got" = unnamed ] || echo "base work $got"
  else
    await_stock
    [ ! -d "$dir/work" ] || rmdir "$dir/work" 2>/dev/null
    for spare in "$root"/spare/[0-9]*; do
      [ ! -d "$dir/work" ] || break
      get "$spare/tree/name"
      [ -z "$got" ] || echo "base \${spare##*/} $got"
    done
  fi
  echo .
}
adopt() {
  base=$1
  [ "$base" != work ] || return 0
  [ ! -e "$control/spare" ] || rm -rf "$control/spare"
  mv "$root/spare/$base" "$control/spare" 2>/dev/null && echo changing >"$control/spare/tree/name" &&
    mv "$control/spare/tree" "$control/tree" && mv "$control/spare/work" "$dir/work" || base=gone
}
find_missing() {
  known=$control/tree/list
  [ -e "$known" ] || known=/dev/null
  : >need
  set -- "$known"
  for each in "$control"/placed.* "$root"/store/[0-9]*/hashes; do [ ! -e "$each" ] || set -- "$@" "$each"; done
  awk '
    FILENAME == ARGV[1] { known[$0] = 1; next }
    FILENAME != "want" { have[$0] = 1; next }
    $0 in known { next }
    { print >"need"; hash = substr($0, 1, 64) }
    !($0 in have) && !(hash in have) { have[hash] = 1; print hash }
  ' "$@" want || fail broken awk
  for big in "$root"/store/big/*/ranges; do
    [ -e "$big" ] || continue
    hash=\${big%/ranges}
    sed "s/^/r \${hash##*/} /" "$big"
  done
  echo .
}
assemble() {
  begin_change
  target=$dir/work/$3
  mkdir -p "\${target%/*}"
  heavy=1
  sum=$(cd "$root/store/big/$2" 2>/dev/null && printf 'data\\0' | sums)
  if [ "\${sum%% *}" = "$2" ] && [ ! -d "$target" ]; then
    chmod "$1" "$root/store/big/$2/data" && mv -f "$root/store/big/$2/data" "$target" &&
      printf '%s %s %s\\n' "$2" "$1" "$3" >>"$control/placed.$$"
  fi
  rm -rf "$root/store/big/$2"
}
build() {
  if [ "$base" = gone ]; then
    echo stale
    echo .
    return
  fi
  touched=
  case $base in '' | work) ;; *) touched=1 ;; esac
  if [ -n "$touched" ] || [ -s need ] || [ -s gone ]; then
    touched=1
    write_lines
  fi
  [ -d "$dir/work" ] || mkdir "$dir/work"
  [ ! -s links ] || check_links
  [ ! -e place ] || (cd "$dir/work" && sh "$coming/place" 2>>"$coming/problems") || fail copy "$(tail -n 1 problems)"
  [ -z "$touched" ] || detach sh "$script" stock "$root" "$mark" 0
  echo .
}
write_lines() {
  [ -n "$base" ] || [ ! -e "$control/tree/list" ] || name=unnamed
  begin_change
  [ -e need ] || : >need
  if [ -e list ] || [ ! -e need.sums ]; then
    : >remaining
    set --
    for each in "$control"/placed.*; do [ ! -e "$each" ] || set -- "$@" "$each"; done
    awk 'FILENAME != "need" { placed[$0] = 1; next } !($0 in placed)' "$@" need >remaining || fail broken awk
  elif [ -s need.others ]; then
    mv need.others remaining
  fi
  [ ! -s remaining ] || place_remaining
  if [ -s lost ]; then
    sed 's/^/lost /' lost
    awk 'FILENAME == "lost" { lost[$0] = 1; next } !(substr($0, 1, 64) in lost)' lost need >rest && mv rest need
    name=unnamed
  fi
  if [ -e "$control/tree/list" ]; then
    fold "$control/tree"
    [ ! -s gone ] || mv gone "$control/tree/gone"
    mv need "$control/tree/come"
  else
    mv need "$control/tree/list"
  fi
  echo "$name" >"$control/tree/name"
  for each in "$control"/placed.*; do
    [ ! -e "$each" ] || mv "$each" "$control/stock.\${each##*.}"
  done
}
check_links() {
  while IFS= read -r line; do
    [ -h "$dir/work/\${line#* * }" ] || echo "lost \${line%% *}"
  done <links
}

open_gang() {
  [ -e "$control/plan/gang-key" ] || return 0
  mkdir -p "$control/gang" "$HOME/.ssh"
  chmod 700 "$HOME/.ssh"
  for tool in ssh scp sftp; do
    [ -n "$(command -v "$tool")" ] || continue
    printf '#!/bin/sh\\nexec "%s" -F "%s" "$@"\\n' "$(command -v "$tool")" "$control/plan/gang-config" >"$control/gang/$tool"
    chmod 700 "$control/gang/$tool"
  done
  read -r line <"$control/plan/gang-public"
  edit_keys "$line gpujob-gang-$mark"
}
close_gang() {
  [ ! -e "$control/plan/gang-public" ] || edit_keys
}
edit_keys() {
  keys=$HOME/.ssh/authorized_keys
  tries=0
  until mkdir "$keys.gpujob" 2>/dev/null || [ "$tries" -gt 100 ]; do
    tries=$((tries + 1))
    nap
  done
  target=$(readlink -f "$keys" 2>/dev/null)
  target=\${target:-$keys}
  if { kept_keys && { [ $# -eq 0 ] || printf '%s\\n' "$1"; }; } >"$target.$$" && chmod 600 "$target.$$"; then
    mv -f "$target.$$" "$target"
  else
    rm -f "$target.$$"
  fi
  rmdir "$keys.gpujob"
}
kept_keys() {
  [ -e "$keys" ] || return 0
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      *" gpujob-gang-$mark") continue ;;
      *" gpujob-gang-"*)
        other=\${dir%/*}/\${line##* gpujob-gang-}/control
        [ -d "$other" ] && [ -z "$(find "$other/exit" -mtime +0 2>/dev/null)" ] || continue
        ;;
    esac
    printf '%s\\n' "$line" || return 1
  done <"$keys"
}

stock_all() {
  LC_ALL=C
  export LC_ALL
  [ -d "$root/spare" ] || mkdir -p "$root/store/in" "$root/spare"
  tries=0
  while lives "$root/spare/maker" && [ "$tries" -lt 6000 ]; do
    tries=$((tries + 1))
    nap
  done
  record "$root/spare/maker"
  trap 'rm -f "$root/spare/maker"' EXIT
  : >"$root/spare/stocking"
  nap
  for left in "$control"/coming.*; do
    [ ! -d "$left" ] || lives "$left/owner" || rm -rf "$left"
  done
  for lines in "$control"/stock.*; do
    [ -e "$lines" ] || continue
    stock "$lines" "$dir/work"
    rm -f "$lines"
  done
  rm -f "$root/spare/stocking"
  find "$root/store" -mindepth 1 -maxdepth 1 -name '[0-9]*' -mtime +14 -exec rm -rf {} + 2>/dev/null
  renice 10 $$ >/dev/null 2>&1
  if wants_spare; then make_spare; fi
}
stock() {
  kib=$(cut -b71- "$1" | sed 's,^,./,' | tr '\\n' '\\0' | (cd "$2" && xargs -0 -r du -k 2>/dev/null) | awk '{ all += $1 } END { print all + 0 }')
  free_space
  [ "\${free_kib:-0}" -gt $((kib * 2 + 65536)) ] || return 0
  now
  pack=$now-$$-\${boot%%-*}
  folder=$root/store/in/$pack
  mkdir -p "$folder/tree" || return 0
  cut -b71- "$1" | copy_paths "$2" "$folder/tree" 2>/dev/null
  cp "$1" "$folder/list" || return 0
  heavy=1
  verified "$folder/list" "$folder/tree" >"$folder/index"
  if [ -s "$folder/index" ]; then
    cut -b-64 "$folder/index" >"$folder/hashes"
    rm -f "$folder"/list*
    mv "$folder" "$root/store/$pack"
  else
    rm -rf "$folder"
  fi
}
await_stock() {
  tries=0
  while lives "$root/spare/maker"; do
    [ "$tries" -lt 20 ] || { [ -e "$root/spare/stocking" ] && [ "$tries" -lt 1200 ]; } || break
    tries=$((tries + 1))
    nap
  done
}
copy_paths() {
  if [ "$(reflink)" = --reflink=auto ]; then
    (cd "$1" && tr '\\n' '\\0' | xargs -0 -r cp -a --parents --remove-destination --reflink=auto -t "$2" --)
  else
    (cd "$1" && sed 's,^,./,' | tr '\\n' '\\0' | xargs -0 -r sh -c 'tar -cf - "$@" | tar -xpf - -C "$0"' "$2")
  fi
}
reflink() {
  if [ -z "\${reflink:-}" ]; then
    reflink=-f
    cp --version 2>/dev/null | grep -q GNU && reflink=--reflink=auto
  fi
  echo "$reflink"
}
place_remaining() {
  set -- "$root"/store/[0-9]*/index
  [ -e "$1" ] || set --
  at=$#
  while [ "$at" -gt 0 ] && [ -s remaining ]; do
    eval "pack=\\\${$at}"
    at=$((at - 1))
    awk 'FILENAME == ARGV[1] { wanted[$0] = 1; next } $0 in wanted' remaining "$pack" >here || fail broken awk
    [ -s here ] || continue
    pack=\${pack%/index}
    touch "$pack"
    cut -b71- here | copy_paths "$pack/tree" "$dir/work" 2>>problems || fail copy "$(tail -n 1 problems)"
    awk 'FILENAME == ARGV[1] { done[$0] = 1; next } !($0 in done)' here remaining >rest || fail broken awk
    mv rest remaining
  done
  [ ! -s remaining ] || copy_renamed "$@"
}
copy_renamed() {
  rm -f lost
  for each in "$control"/placed.*; do [ ! -e "$each" ] || set -- "$@" "$each"; done
  awk -v work="$dir/work/" '
    FILENAME != "remaining" {
      hash = substr($0, 1, 64)
      if (hash in from) next
      from[hash] = (FILENAME ~ /\\/index$/ ? substr(FILENAME, 1, length(FILENAME) - 5) "tree/" : work) substr($0, 71)
      next
    }
    { hash = substr($0, 1, 64); if (hash in from) { print from[hash]; print substr($0, 66, 4); print substr($0, 71) } else print hash >"lost" }
  ' "$@" remaining >moves || fail broken awk
  while IFS= read -r source && IFS= read -r mode && IFS= read -r target; do
    target=$dir/work/$target
    mkdir -p "\${target%/*}"
    { cp -a "$source" "$target.$$" && chmod "$mode" "$target.$$" && mv -f "$target.$$" "$target"; } 2>>problems ||
      fail copy "$(tail -n 1 problems)"
  done <moves
}
wants_spare() {
  get "$control/tree/name"
  case $got in '' | changing | unnamed) return 1 ;; esac
  [ -e "$control/tree/list" ] && [ "$(wc -l <"$control/tree/list")" -ge 16 ] || return 1
  kib=$(du -sk "$dir/work" | cut -f1)
  free_space
  [ "$kib" -le 262144 ] && [ "$free_kib" -gt $((kib * 8)) ]
}
make_spare() {
  for new in "$root"/spare/new.*; do
    started "\${new##*.}" || rm -rf "$new"
  done
  new=$root/spare/new.$$
  mkdir -p "$new/work" "$new/sync" || return
  cp -r "$control/tree" "$new/tree"
  get "$new/tree/name"
  taken=$got
  fold "$new/tree"
  get "$control/tree/name"
  if [ "$taken" = "$got" ] && cd "$new/sync"; then
    cp "$new/tree/list" remaining
    dir=$new
    place_remaining
    cd "$root" || return
    if [ ! -s "$new/sync/lost" ]; then
      rm -rf "$new/sync"
      for spare in "$root"/spare/[0-9]*; do
        set -- "$root"/spare/[0-9]*
        [ $# -ge 2 ] && rm -rf "$spare"
      done
      now
      mv "$new" "$root/spare/$now-$$"
    fi
  fi
  rm -rf "$new"
}
script=$0
action=\${1:-}
[ $# -eq 0 ] || shift
case $action in
  guard) guard "$1" ;;
  supervise) become_bash "$1" && supervise "$1" ;;
  runner) runner "$1" ;;
  job) job "$1" ;;
  gpu) read_gpu "$1" ;;
  inside) inside "$1" ;;
  within) within "$1" "$2" ;;
  beside) attempt "$1" && shift && plain_shell "$control/plan/job" exec "$@" ;;
  *)
    root=$1
    epoch=$3
    attempt "$root/attempts/$2"
    case $action in
      prepare | sync | receive | ranges | stock) ;;
      *)
        if [ -e "$control/supervisor.sh" ] && [ "$script" != "$control/supervisor.sh" ]; then
          exec sh "$control/supervisor.sh" "$action" "$@"
        fi
        ;;
    esac
    shift 3
    case $action in
      beat) claim && ensure && beat ;;
      prepare) prepare ;;
      start) start ;;
      do) claim && perform "$@" && beat ;;
      control) become_bash "$root" "$mark" "$epoch" && control ;;
      log) follow "$1" ;;
      end) finish_all "$1" ;;
      exec) run_beside "$@" ;;
      list) list_files "$1" ;;
      hash) hash_files "$1" ;;
      read) read_file "$@" ;;
      read-many) read_files "$1" ;;
      sync) sync_tree ;;
      receive) receive ;;
      stock) stock_all ;;
      ranges) receive_ranges ;;
      *) fail unsupported "$action" ;;
    esac
    ;;
esac
`;

/** Read by the login shell of the job. */
export const jobScript = `gpujob_control=\${0%/plan/job}
umask "\${GPUJOB_UMASK:-022}"
unset GPUJOB_UMASK
if [ -n "\${GPUJOB_PROFILE:-}" ]; then
  unset GPUJOB_PROFILE
  for gpujob_file in /etc/profile "$HOME/.profile"; do
    [ ! -r "$gpujob_file" ] || . "$gpujob_file"
  done
fi
for gpujob_file in /usr/local/Ascend/ascend-toolkit/set_env.sh /usr/local/Ascend/nnal/atb/set_env.sh /opt/dtk/env.sh /opt/dtk/cuda/env.sh; do
  [ ! -r "$gpujob_file" ] || . "$gpujob_file" >/dev/null
done
. "$gpujob_control/plan/environment"
[ ! -d "$gpujob_control/gang" ] || export PATH="$gpujob_control/gang:$PATH"
for gpujob_file in HF_HOME:huggingface MODELSCOPE_CACHE:modelscope PIP_CACHE_DIR:pip UV_CACHE_DIR:uv; do
  eval "export \${gpujob_file%:*}=\\"\\\${\${gpujob_file%:*}:-\\$GPUJOB_CACHE_DIR/\${gpujob_file#*:}}\\""
done
unset gpujob_file
cd "\${gpujob_control%/control}/work" || exit 126
if [ "\${1:-}" = exec ]; then
  shift
  unset gpujob_control
  exec "$@"
fi
if [ -e "$gpujob_control/plan/secrets" ]; then
  . "$gpujob_control/plan/secrets"
  rm -f "$gpujob_control/plan/secrets"
fi
trap '[ ! -e "$gpujob_control/stopping" ] || exit' TERM
[ -z "\${BASH_VERSION:-}" ] ||
  eval 'exit() { set -- "\${1:-$?}"; set +e; [ -n "$(trap -p EXIT)" ] || HOME=/; builtin exit "$1"; }'
set -e
[ -z "\${BASH_VERSION:-}" ] || set -o pipefail
if [ -s "$gpujob_control/plan/setup" ]; then
  . "$gpujob_control/plan/setup"
fi
: >"$gpujob_control/set-up"
if [ -e "$gpujob_control/plan/barrier" ]; then
  while [ ! -e "$gpujob_control/proceed" ]; do sleep 0.2 2>/dev/null || sleep 1; done
fi
if [ -e "$gpujob_control/plan/run" ]; then
  . "$gpujob_control/plan/run"
else
  while :; do
    sleep 3600 &
    wait $! || :
  done
fi
`;

/** Installs the supervisor. */
export const helloScript = `GPUJOB_UMASK=$(umask)
export GPUJOB_UMASK
umask 077
root=$1
case $root in
  '') root=$HOME/.gpujob ;;
  '~/'*) root=$HOME/\${root#'~/'} ;;
esac
begin() {
  echo "have $root"
  [ $# -gt 3 ] || exit 0
  script=$root/bin/$2.sh
  action=$4
  shift 4
  exec sh "$script" "$action" "$root" "$@"
}
if cd "$root" 2>/dev/null && [ -s "bin/$2.sh" ]; then
  root=$(pwd -P)
  begin "$@"
fi
mkdir -p "$root/bin" 2>/dev/null && cd "$root" && root=$(pwd -P) || {
  echo "E root $root"
  exit 40
}
lacking=
for tool in awk cat chmod cp cut date dd df du find grep id mkdir mkfifo mv rm sed sleep sort stat tail tar touch tr wc xargs; do
  [ -n "$(command -v "$tool")" ] || lacking="$lacking $tool"
done
[ -n "$(command -v sha256sum)$(command -v openssl)" ] || lacking="$lacking sha256sum"
if [ -n "$lacking" ]; then
  echo "E tools$lacking"
  exit 40
fi
chmod 700 . bin 2>/dev/null
echo "need $root"
dd bs="$3" count=1 iflag=fullblock 2>/dev/null >"bin/$2.sh.$$"
if [ "$(($(wc -c <"bin/$2.sh.$$")))" -eq "$3" ]; then
  mv -f "bin/$2.sh.$$" "bin/$2.sh"
  echo 1 >bin/protocol
  begin "$@"
else
  rm -f "bin/$2.sh.$$"
  echo "E short"
  exit 40
fi
`;

/** Reads what the machine is. */
export const factsScript = `root=$1
case $root in
  '') root=$HOME/.gpujob ;;
  '~/'*) root=$HOME/\${root#'~/'} ;;
esac
say() { printf '%s\\n' "$*"; }
first() { { read -r line <"$1"; } 2>/dev/null && say "$2 $line"; }
limited() {
  if [ -n "$(command -v timeout)" ]; then timeout 10 "$@"; else "$@"; fi
}
first /proc/sys/kernel/random/boot_id boot
first /etc/machine-id machine
first /sys/class/dmi/id/product_uuid product
first /proc/uptime uptime
say "user $(id -un 2>/dev/null || id -u)"
say "home $HOME"
say "root $root"
say "os $( (. /etc/os-release 2>/dev/null && printf %s "$PRETTY_NAME") || uname -s)"
say "architecture $(uname -m)"
say "cpus $(nproc 2>/dev/null || grep -c ^processor /proc/cpuinfo)"
while read -r key value _; do
  [ "$key" = MemTotal: ] && say "memory $value"
done </proc/meminfo
for limit in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
  first "$limit" memory-limit
done
{ read -r quota period </sys/fs/cgroup/cpu.max; } 2>/dev/null && say "cpu-limit $quota $period"
place=$root
while [ ! -d "$place" ]; do place=\${place%/*}; [ -n "$place" ] || place=/; done
[ -w "$place" ] || say "problem $place cannot be written"
df -Pk "$place" 2>/dev/null | { read -r _; read -r _ _ _ free _; say "disk $free"; }
df -Pi "$place" 2>/dev/null | { read -r _; read -r _ _ _ free _; say "inodes $free"; }
for tool in bash setsid systemd-run python3 openssl tar awk dd stat xargs sha256sum nvidia-smi npu-smi hy-smi rocm-smi py-spy git curl wget docker; do
  [ -z "$(command -v "$tool")" ] || say "tool $tool"
done
if [ -n "$(command -v docker)" ]; then
  if [ ! -S /var/run/docker.sock ]; then
    say "docker stopped"
  elif [ -w /var/run/docker.sock ] || sudo -n true 2>/dev/null; then
    say "docker usable"
  else
    say "docker forbidden"
  fi
  for file in /etc/cdi/nvidia* /var/run/cdi/nvidia* "$(command -v nvidia-container-runtime-hook)"; do
    [ ! -e "$file" ] || { say "tool nvidia-docker" && break; }
  done
fi
if tail --version 2>/dev/null | grep -q GNU; then
  say "tool tail-follow"
  [ ! -e /proc/sys/fs/inotify/max_user_watches ] || say "tool inotify"
fi
set -- \${SSH_CONNECTION:-}
if [ $# -eq 4 ]; then
  say "ssh-port $4"
  for file in /etc/ssh/ssh_host_*_key.pub; do
    { read -r type blob _ <"$file"; } 2>/dev/null && say "ssh-key $type $blob"
  done
fi
[ ! -s "$root/bin/protocol" ] || first "$root/bin/protocol" supervisor
if [ -n "$(command -v nvidia-smi)" ]; then
  limited nvidia-smi --query-gpu=index,name,memory.total,memory.used,uuid --format=csv,noheader,nounits 2>/dev/null | sed 's/^/nvidia /'
  limited nvidia-smi --query-compute-apps=gpu_uuid,pid --format=csv,noheader 2>/dev/null | while IFS=', ' read -r uuid pid _; do
    if tr '\\0' '\\n' <"/proc/$pid/environ" 2>/dev/null | grep -q '^GPUJOB_MARK='; then owner=ours; else owner=other; fi
    say "nvidia-process $uuid $owner"
  done
fi
if [ -n "$(command -v npu-smi)" ]; then
  limited npu-smi info 2>/dev/null | sed 's/^/npu /'
fi
for tool in /opt/hyhal/bin/hy-smi hy-smi rocm-smi; do
  [ -n "$(command -v $tool)" ] || continue
  say "smi-json $(limited $tool --showmeminfo vram --showuse --showproductname --json 2>/dev/null | tr '\\n' ' ')"
  break
done
say end
`;

/** Measures what the machine does. */
export const probeScript = `root=$1 seconds=$2 cards=$3
shift 3
case $root in
  '') root=$HOME/.gpujob ;;
  '~/'*) root=$HOME/\${root#'~/'} ;;
esac
say() { printf '%s\\n' "$*"; }
unmeasured() { say "unmeasured $*"; }
has() { [ -n "$(command -v "$1")" ]; }
limited() {
  limit=$1
  shift
  if has timeout; then timeout "$limit" "$@"; else "$@"; fi
}
clock() {
  read -r up _ </proc/uptime
  say "$up"
}
folder=$root/probe.$$
mkdir -p "$folder" || exit 1
watcher=
trap '[ -z "$watcher" ] || kill "$watcher" 2>/dev/null; rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
for file in /usr/local/Ascend/ascend-toolkit/set_env.sh /opt/dtk/env.sh; do
  [ ! -r "$file" ] || . "$file" >/dev/null 2>&1
done
chosen=\${cards:+-i $cards}
query() {
  limited 20 nvidia-smi $chosen --query-gpu="$1" --format=csv,noheader,nounits 2>/dev/null
}
if has nvidia-smi; then
  query index,name,memory.total,driver_version | while IFS=, read -r index name total driver; do
    say "card $index\${name}"
    say "vram $index$total"
    say "driver$driver"
  done
  query index,power.limit,power.default_limit | while IFS=, read -r index limit usual; do say "power $index$limit$usual"; done
  query index,pcie.link.gen.max,pcie.link.width.max,pcie.link.width.current | while IFS=, read -r index gen most width; do
    say "pcie $index$gen$most$width"
  done
  (
    while :; do
      query index,clocks_throttle_reasons.hw_slowdown,clocks_throttle_reasons.hw_thermal_slowdown,clocks_throttle_reasons.sw_thermal_slowdown,clocks_throttle_reasons.hw_power_brake_slowdown,temperature.gpu >>"$folder/load"
      sleep 3
    done
  ) >/dev/null 2>&1 &
  watcher=$!
elif has npu-smi; then
  limited 20 npu-smi info 2>/dev/null | sed -n 's/.*npu-smi \\([0-9.a-zA-Z]*\\).*/driver \\1/p'
else
  unmeasured "driver, power limit and throttling: no vendor tool that tells them"
fi
cat >"$folder/probe.py" <<'GPUJOB_PYTHON'
import ctypes
import glob
import os
import subprocess
import sys
import threading
import time
seconds = float(sys.argv[1])
window = max(0.05, min(3.0, (seconds - 30) / 15))
chosen = os.environ.get("GPUJOB_PROBE_CARDS", "")
if chosen and len(sys.argv) < 3:
    os.environ["CUDA_VISIBLE_DEVICES"] = chosen
    os.environ["ASCEND_RT_VISIBLE_DEVICES"] = chosen
numbers = [int(each) for each in chosen.split(",")] if chosen else None
def say(*words):
    sys.stdout.write(" ".join(str(word) for word in words) + "\\n")
    sys.stdout.flush()
def unmeasured(text):
    say("unmeasured", " ".join(str(text).split())[:300])
def number(index):
    return numbers[index] if numbers else index
def each_card(count, work):
    def run(index):
        try:
            work(index)
        except Exception as error:
            unmeasured("card %d: %s" % (number(index), error))
    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
def windows(step, amount, warm_up):
    start = time.monotonic()
    while time.monotonic() - start < warm_up:
        step()
    rates = []
    for _ in range(10):
        start = time.monotonic()
        done = 0
        while time.monotonic() - start < window:
            step()
            done += amount
        rates.append(done / (time.monotonic() - start))
    return rates
def best_rate(step, amount):
    step()
    best = 0.0
    until = time.monotonic() + min(2.0, window * 2)
    while time.monotonic() < until:
        start = time.monotonic()
        step()
        best = max(best, amount / (time.monotonic() - start))
    return best
def tell_card(card, rates, memory, into, out):
    for rate in rates:
        say("window", card, "%.3f" % (rate / 1e12))
    say("memory", card, "%.2f" % (memory / 1e9))
    say("in", card, "%.2f" % (into / 1e9))
    say("out", card, "%.2f" % (out / 1e9))
def with_torch(torch, kind):
    device_api = getattr(torch, kind)
    count = device_api.device_count()
    if count == 0:
        return False
    say("method", "torch", torch.__version__)
    def measure(index):
        device_api.set_device(index)
        device = "%s:%d" % (kind, index)
        size = 8192
        dtype = torch.float16
        try:
            left = torch.randn(size, size, device=device, dtype=dtype)
            right = torch.randn(size, size, device=device, dtype=dtype)
            product = torch.empty(size, size, device=device, dtype=dtype)
        except RuntimeError:
            size = 2048
            left = torch.randn(size, size, device=device, dtype=dtype)
            right = torch.randn(size, size, device=device, dtype=dtype)
            product = torch.empty(size, size, device=device, dtype=dtype)
        def multiply():
            for _ in range(8):
                torch.matmul(left, right, out=product)
            device_api.synchronize(index)
        rates = windows(multiply, 8 * 2 * size**3, window)
        del left, right, product
        amount = 256 << 20
        one = torch.empty(amount, device=device, dtype=torch.uint8)
        two = torch.empty(amount, device=device, dtype=torch.uint8)
        here = torch.empty(amount, dtype=torch.uint8)
        if hasattr(here, "pin_memory"):
            try:
                here = here.pin_memory()
            except Exception:
                pass
        def copy_within():
            for _ in range(8):
                two.copy_(one)
            device_api.synchronize(index)
        def copy_in():
            one.copy_(here, non_blocking=True)
            device_api.synchronize(index)
        def copy_out():
            here.copy_(one, non_blocking=True)
            device_api.synchronize(index)
        memory = best_rate(copy_within, 8 * 2 * amount)
        tell_card(number(index), rates, memory, best_rate(copy_in, amount), best_rate(copy_out, amount))
    each_card(count, measure)
    if count > 1:
        all_reduce(kind, count)
    return True
def all_reduce(kind, count):
    environment = dict(os.environ, MASTER_ADDR="127.0.0.1", MASTER_PORT=str(20000 + os.getpid() % 20000))
    environment["WORLD_SIZE"] = str(count)
    ranks = [
        subprocess.Popen(
            [sys.executable, __file__, str(seconds), kind, str(rank)],
            env=environment,
            stdout=subprocess.PIPE if rank == 0 else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for rank in range(count)
    ]
    try:
        output, _ = ranks[0].communicate(timeout=45)
        text = output.decode().strip()
    except Exception:
        text = ""
    for rank in ranks:
        if rank.poll() is None:
            rank.kill()
        rank.wait()
    if text:
        say("all-reduce", count, text)
    else:
        unmeasured("all-reduce: the %d cards did not come together within 45 s" % count)
def reduce_rank(kind, rank):
    import torch
    if kind == "npu":
        import torch_npu  # noqa: F401
    import torch.distributed as distributed
    device_api = getattr(torch, kind)
    device_api.set_device(rank)
    count = int(os.environ["WORLD_SIZE"])
    backend = "hccl" if kind == "npu" else "nccl"
    distributed.init_process_group(backend, rank=rank, world_size=count)
    amount = 256 << 20
    values = torch.ones(amount // 2, device="%s:%d" % (kind, rank), dtype=torch.float16)
    def reduce():
        distributed.all_reduce(values)
        device_api.synchronize(rank)
    for _ in range(3):
        reduce()
    start = time.monotonic()
    rounds = 10
    for _ in range(rounds):
        reduce()
    took = (time.monotonic() - start) / rounds
    if rank == 0:
        say("%.2f" % (amount / took * 2 * (count - 1) / count / 1e9))
    distributed.destroy_process_group()
def load(names):
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None
def check(code, what):
    if code != 0:
        raise RuntimeError("%s failed with code %d" % (what, code))
def with_driver():
    cuda = load(["libcuda.so.1", "libcuda.so"])
    if cuda is None or cuda.cuInit(0) != 0:
        return False
    total = ctypes.c_int(0)
    check(cuda.cuDeviceGetCount(ctypes.byref(total)), "cuDeviceGetCount")
    if total.value == 0:
        return False
    places = ["/usr/local/cuda*/lib64/libcublas.so*", "/usr/lib/*/libcublas.so*", "/usr/local/lib/python3*/*-packages/nvidia/cublas/lib/libcublas.so*"]
    found = [name for place in places for name in sorted(glob.glob(place), reverse=True)]
    blas = load(["libcublas.so.13", "libcublas.so.12", "libcublas.so.11", "libcublas.so"] + found)
    say("method", "driver" if blas is None else "cublas")
    if blas is None:
        unmeasured("matrix rate: no PyTorch and no cuBLAS on the machine")
    pointer = ctypes.c_uint64
    size_t = ctypes.c_size_t
    def measure(index):
        device = ctypes.c_int(0)
        context = ctypes.c_void_p()
        check(cuda.cuDeviceGet(ctypes.byref(device), index), "cuDeviceGet")
        check(cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device), "cuDevicePrimaryCtxRetain")
        check(cuda.cuCtxSetCurrent(context), "cuCtxSetCurrent")
        def reserve(amount):
            address = pointer(0)
            check(cuda.cuMemAlloc_v2(ctypes.byref(address), size_t(amount)), "cuMemAlloc")
            check(cuda.cuMemsetD8_v2(address, ctypes.c_ubyte(0), size_t(amount)), "cuMemset")
            return address
        def wait():
            check(cuda.cuCtxSynchronize(), "cuCtxSynchronize")
        rates = multiply_with(blas, index, reserve, wait) if blas is not None else []
        amount = 256 << 20
        one, two = reserve(amount), reserve(amount)
        here = ctypes.c_void_p()
        check(cuda.cuMemAllocHost_v2(ctypes.byref(here), size_t(amount)), "cuMemAllocHost")
        def copy_within():
            for _ in range(8):
                check(cuda.cuMemcpyDtoD_v2(two, one, size_t(amount)), "cuMemcpyDtoD")
            wait()
        def copy_in():
            check(cuda.cuMemcpyHtoD_v2(one, here, size_t(amount)), "cuMemcpyHtoD")
        def copy_out():
            check(cuda.cuMemcpyDtoH_v2(here, one, size_t(amount)), "cuMemcpyDtoH")
        memory = best_rate(copy_within, 8 * 2 * amount)
        tell_card(number(index), rates, memory, best_rate(copy_in, amount), best_rate(copy_out, amount))
    each_card(total.value, measure)
    if total.value > 1:
        unmeasured("all-reduce: it needs PyTorch")
    return True
def multiply_with(blas, index, reserve, wait):
    handle = ctypes.c_void_p()
    check(blas.cublasCreate_v2(ctypes.byref(handle)), "cublasCreate")
    size = 8192
    left, right, product = (reserve(size * size * 2) for _ in range(3))
    one, zero = ctypes.c_float(1), ctypes.c_float(0)
    def multiply():
        for _ in range(8):
            code = blas.cublasGemmEx(
                handle, 0, 0, size, size, size, ctypes.byref(one),
                left, 2, size, right, 2, size, ctypes.byref(zero), product, 2, size, 68, -1,
            )
            check(code, "cublasGemmEx")
        wait()
    return windows(multiply, 8 * 2 * size**3, window)
def main():
    if len(sys.argv) > 3:
        return reduce_rank(sys.argv[2], int(sys.argv[3]))
    try:
        import torch
    except Exception:
        torch = None
    if torch is not None:
        try:
            import torch_npu  # noqa: F401
            if torch.npu.is_available():
                return with_torch(torch, "npu")
        except Exception:
            pass
        if torch.cuda.is_available():
            return with_torch(torch, "cuda")
    if not with_driver():
        unmeasured("matrix rate, memory and link bandwidth, all-reduce: neither PyTorch nor the driver's library finds a card")
main()
GPUJOB_PYTHON
python=
for candidate in python3 python "$HOME/miniconda3/bin/python" /root/miniconda3/bin/python /opt/conda/bin/python /usr/local/miniconda3/bin/python; do
  has "$candidate" && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 6))' 2>/dev/null || continue
  [ -n "$python" ] || python=$candidate
  limited 60 "$candidate" -c 'import torch' 2>/dev/null && python=$candidate && break
done
if [ -n "$python" ]; then
  GPUJOB_PROBE_CARDS=$cards limited $((seconds + 60)) "$python" "$folder/probe.py" "$seconds" 2>"$folder/errors" ||
    unmeasured "the rest of the cards: Python ended with code $? ($(tail -n 1 "$folder/errors" | cut -c 1-200))"
else
  unmeasured "matrix rate, memory and link bandwidth, all-reduce: no Python 3 on the machine"
fi
if [ -n "$watcher" ]; then
  kill "$watcher" 2>/dev/null
  watcher=
  while IFS=, read -r index slow hot warm brake degrees; do
    case $slow$hot$warm$brake in
      *'Not Active'*'Not Active'*'Not Active'*'Not Active'*) ;;
      *Active*)
        case $hot$warm in ' Not Active Not Active') reason=hardware ;; *Active*) reason=heat ;; *) reason=hardware ;; esac
        say "throttle $index $reason$degrees"
        ;;
    esac
  done <"$folder/load" | sort -u
  grep -q Active "$folder/load" || unmeasured "throttling: the vendor's tool does not tell it"
fi
times='1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16'
[ "$seconds" -ge 30 ] || times='1 2'
free=$(df -Pk "$folder" | { read -r _ && read -r _ _ _ free _ && say "$free"; })
if [ "\${free:-0}" -lt 2097152 ]; then
  unmeasured "disk: less than 2 GiB are free"
else
  limited 20 dd if=/dev/urandom of="$folder/block" bs=1048576 count=32 2>/dev/null
  start=$(clock)
  (for _ in $times; do cat "$folder/block"; done) |
    limited 30 dd of="$folder/disk" bs=1048576 iflag=fullblock conv=fdatasync 2>/dev/null
  written=$(wc -c <"$folder/disk" 2>/dev/null)
  if [ "\${written:-0}" -lt 67108864 ]; then
    unmeasured "disk: dd could not write to it within 30 s"
  else
    say "disk-write $written $start $(clock)"
    start=$(clock)
    if limited 30 dd if="$folder/disk" of=/dev/null bs=1048576 iflag=direct 2>/dev/null; then
      say "disk-read $written $start $(clock)"
    else
      unmeasured "disk read: its file system reads through memory only"
    fi
  fi
  rm -f "$folder/disk" "$folder/block"
fi
[ $# -gt 0 ] || unmeasured "download: the place names no mirror"
for pair; do
  name=\${pair%%=*} url=\${pair#*=}
  start=$(clock)
  if has curl; then
    size=$(curl -sL -m 8 "$url" 2>/dev/null | wc -c)
  elif has wget && has timeout; then
    size=$(timeout 8 wget -q -O - "$url" 2>/dev/null | wc -c)
  else
    unmeasured "download from $name: neither curl nor wget"
    continue
  fi
  if [ "$size" -lt 262144 ]; then
    unmeasured "download from $name: it sent $((size)) bytes within 8 s"
  else
    say "download $name $((size)) $start $(clock)"
  fi
done
say end
`;
