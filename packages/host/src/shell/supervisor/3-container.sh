# The job in a container of Docker, where the plan names an image. Docker's engine starts it, not we: it is asked and ended
# by its name. Its processes stand in this machine's /proc all the same, and root finds them there by our marker. The log,
# the secrets and all else go through the attempt's folder, which the container sees under its own name.

# Is the job in a container? Its name -> $container.
contained() {
  [ -s "$control/plan/image" ] || return 1
  container=gpujob-$mark
}

# Docker's command against the engine of this machine, whatever the user's settings say, by sudo where the user may not.
# One that hangs holds up nobody for longer than $patience seconds.
engine() {
  reach_engine
  if [ -n "$(command -v timeout)" ]; then
    # shellcheck disable=SC2086 # two words or none
    timeout "${patience:-15}" $by docker -H "$engine" "$@"
  else
    # shellcheck disable=SC2086
    $by docker -H "$engine" "$@"
  fi
}

# As long as it takes.
engine_unhurried() {
  reach_engine
  # shellcheck disable=SC2086
  $by docker -H "$engine" "$@"
}

# -> $engine and $by
reach_engine() {
  engine=unix:///var/run/docker.sock
  by=
  [ -w /var/run/docker.sock ] || by='sudo -n'
}

# Fetches the image and runs the job in it; ends as the job ends. This shell is not the parent of the container: whatever
# becomes of it, of Docker's command or of the engine, the container's status is kept until the container is removed.
run_container() {
  get "$control/plan/image"
  image=$got
  root=${dir%/attempts/*}
  fetch_image || exit 125
  # What the job is told, it is told inside.
  trap : TERM INT HUP QUIT USR1 USR2
  list_flags
  # shellcheck disable=SC2086 # split on purpose
  set -- $flags
  while IFS= read -r path; do
    [ ! -e "$path" ] || set -- "$@" --mount "type=bind,source=$path,target=$path"
  done <"$control/plan/mounts"
  if ! begin_container --ulimit memlock=-1:-1 --ulimit stack=67108864:67108864 "$@"; then
    # An engine that is not wholly root may not lift limits.
    if ! grep -q rlimit "$control/container-error" || ! begin_container "$@"; then
      cat "$control/container-error"
      exit 125
    fi
  fi
  note_container || exit 125
  code=
  until [ -n "$code" ]; do
    code=$(engine_unhurried wait "$container" 2>/dev/null) && break
    # The engine was started anew, or somebody removed the container.
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

# Has the engine start the container, with flags "$@".
begin_container() {
  engine_unhurried run -d --name "$container" --label "gpujob=$mark" "$@" \
    --init --user 0:0 --network host --ipc host --log-driver none --security-opt label=disable --workdir "$dir/work" \
    -e "GPUJOB_MARK=$mark" -e "GPUJOB_UMASK=022" --entrypoint /bin/sh \
    --mount "type=bind,source=$dir,target=$dir" --mount "type=bind,source=$root/cache,target=$root/cache" \
    "$image" "$control/supervisor.sh" inside "$dir" >"$control/container-id" 2>"$control/container-error" && return
  engine rm -f -v "$container" >/dev/null 2>&1
  return 1
}

# An image that is here is not fetched again. The log-in is for this one fetch, and in no command line.
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

# What gives the container this machine's cards and fast network -> $flags, words without spaces.
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

# Writes down the container's first process, as this machine sees it, and its control group where that may be written.
note_container() {
  first=$(engine inspect -f '{{.State.Pid}}' "$container" 2>/dev/null)
  if ! started "${first:-0}"; then
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

# Becomes the job, in the container. One that was asked for before a stop or a freeze, and comes after it, does nothing.
inside() {
  attempt "$1"
  exec </dev/null >"$control/pipe" 2>&1
  while [ -e "$control/halt" ] && [ ! -e "$control/stopping" ]; do sleep 1; done
  [ ! -e "$control/stopping" ] || exit 143
  : >"$control/inside"
  plain_shell "$control/plan/job"
}

# As login_shell, but without the profiles: what the image sets, such as its PATH, stays.
plain_shell() {
  cd "${1%/control/plan/job}/work" || exit 126
  if [ -n "$(command -v bash)" ]; then exec bash "$@"; fi
  exec sh "$@"
}

# Sends signal $2 to every process of the container, in the container. The login shell gets it only where it catches it,
# and first of all: it must not see its program die and go on to the next line.
within() {
  attempt "$1"
  signal=$2
  first=
  others=
  for folder in /proc/[0-9]*; do
    each=${folder#/proc/}
    [ "$each" -gt 1 ] && [ "$each" != $$ ] && { read -r stat_line <"$folder/stat"; } 2>/dev/null || continue
    # shellcheck disable=SC2086 # split on purpose
    set -- ${stat_line##*) }
    # The shell itself is the child of the first process; what it forked looks like it.
    case $2:$(tr '\0' ' ' <"$folder/cmdline" 2>/dev/null) in
      *"$control/supervisor.sh within"*) ;;
      1:*" $control/plan/job"*) ! catches "$each" "$signal" || first="$first $each" ;;
      *) others="$others $each" ;;
    esac
  done
  # shellcheck disable=SC2086 # split on purpose
  kill -s "$signal" $first $others 2>/dev/null
}

# Does the container run? Asked of the kernel where its first process is known, which needs no engine. One of which
# nobody knows does not begin any more once the job is being stopped.
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

# Stops the container from running; one that has not begun waits at its own door.
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

# Is what was paused still so? The engine is asked now and then.
stays_paused() {
  [ ! -e "$control/cgroup" ] && container_runs || return 0
  [ -e "$control/paused" ] || return 1
  [ $((tick % 10)) -eq 0 ] || return 0
  [ "$(engine inspect -f '{{.State.Paused}}' "$container" 2>/dev/null)" = false ] || return 0
  rm -f "$control/paused"
  return 1
}

# Removes the container, and gives what root wrote in it to the user of this machine.
remove_container() {
  root=${dir%/attempts/*}
  patience=60
  engine rm -f -v "$container" >/dev/null 2>&1
  if [ "$(id -u)" != 0 ] && [ -e "$control/inside" ] && [ ! -e "$control/handed-back" ]; then
    get "$control/plan/image"
    case $(engine info -f '{{.SecurityOptions}}' 2>/dev/null) in
      *rootless* | *userns*) ;;
      *)
        engine run --rm --network none --user 0:0 --security-opt label=disable --entrypoint chown \
          --mount "type=bind,source=$dir,target=$dir" --mount "type=bind,source=$root/cache,target=$root/cache" \
          "$got" -R "$(id -u):$(id -g)" "$dir/work" "$dir/output" "$root/cache" >>"$control/supervisor.log" 2>&1
        ;;
    esac
    : >"$control/handed-back"
  fi
  patience=
}
