# Measures what this machine does, as "key value" lines, for about so many seconds. What cannot be measured is said in a
# line "unmeasured". $1 our folder, $2 seconds, $3 the cards as "0,1" or empty for all, $4… downloads as NAME=URL.
root=$1 seconds=$2 cards=$3
shift 3
case $root in
  '') root=$HOME/.gpujob ;;
  '~/'*) root=$HOME/${root#'~/'} ;;
esac
say() { printf '%s\n' "$*"; }
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

# What NVIDIA's tool tells of each card: its link, its power limit, and while the others work what slows it down.
chosen=${cards:+-i $cards}
query() {
  # shellcheck disable=SC2086
  limited 20 nvidia-smi $chosen --query-gpu="$1" --format=csv,noheader,nounits 2>/dev/null
}
if has nvidia-smi; then
  query index,name,memory.total,driver_version | while IFS=, read -r index name total driver; do
    say "card $index${name}"
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
  limited 20 npu-smi info 2>/dev/null | sed -n 's/.*npu-smi \([0-9.a-zA-Z]*\).*/driver \1/p'
else
  unmeasured "driver, power limit and throttling: no vendor tool that tells them"
fi

cat >"$folder/probe.py" <<'GPUJOB_PYTHON'
@python@
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

# 512 MiB that no disk can make smaller, as far as there is room; less where there is little time.
times='1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16'
[ "$seconds" -ge 30 ] || times='1 2'
free=$(df -Pk "$folder" | { read -r _ && read -r _ _ _ free _ && say "$free"; })
if [ "${free:-0}" -lt 2097152 ]; then
  unmeasured "disk: less than 2 GiB are free"
else
  limited 20 dd if=/dev/urandom of="$folder/block" bs=1048576 count=32 2>/dev/null
  start=$(clock)
  (for _ in $times; do cat "$folder/block"; done) |
    limited 30 dd of="$folder/disk" bs=1048576 iflag=fullblock conv=fdatasync 2>/dev/null
  written=$(wc -c <"$folder/disk" 2>/dev/null)
  if [ "${written:-0}" -lt 67108864 ]; then
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
  name=${pair%%=*} url=${pair#*=}
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
