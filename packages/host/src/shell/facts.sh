# Says what this machine is, as "key value" lines; needs nothing installed and writes nothing. $1 our folder.
root=$1
case $root in
  '') root=$HOME/.gpujob ;;
  '~/'*) root=$HOME/${root#'~/'} ;;
esac
say() { printf '%s\n' "$*"; }
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
while [ ! -d "$place" ]; do place=${place%/*}; [ -n "$place" ] || place=/; done
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
# shellcheck disable=SC2086 # client, its port, our address, our port
set -- ${SSH_CONNECTION:-}
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
    if tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -q '^GPUJOB_MARK='; then owner=ours; else owner=other; fi
    say "nvidia-process $uuid $owner"
  done
fi
if [ -n "$(command -v npu-smi)" ]; then
  limited npu-smi info 2>/dev/null | sed 's/^/npu /'
fi
for tool in /opt/hyhal/bin/hy-smi hy-smi rocm-smi; do
  [ -n "$(command -v $tool)" ] || continue
  say "smi-json $(limited $tool --showmeminfo vram --showuse --showproductname --json 2>/dev/null | tr '\n' ' ')"
  break
done
say end
