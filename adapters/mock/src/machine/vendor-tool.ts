import type { OfferGpu } from "@gpujob/spec";

/**
 * A stand-in for `nvidia-smi` that shows the cards a machine was rented with: what is looked up on the machine must be
 * what was sold, and not what this computer has or lacks. `undefined` for other vendors, whose tools are not imitated.
 *
 * It knows `--query-gpu`, `--query-compute-apps` (no process) and `-L`; what it cannot know it shows as `[N/A]`.
 */
export function renderVendorTool(gpu: OfferGpu, leaseId: string): string | undefined {
  if (gpu.vendor !== "nvidia") return undefined;
  const name = ["NVIDIA", gpu.model, gpu.variant ?? ""].join(" ").trim();
  return script
    .replace("@count@", String(gpu.count))
    .replace("@mib@", String(Math.round(gpu.vramGib * 1024)))
    .replaceAll("@name@", name.replace(/[^\w .-]/g, ""))
    .replace("@lease@", leaseId);
}

const script = `#!/bin/sh
# The cards of a machine of the mock market. They compute nothing.
count=@count@ mib=@mib@ name='@name@' lease=@lease@
fields= header=1 unit=' MiB' percent=' %'
for argument in "$@"; do
  case $argument in
    --query-gpu=*) fields=\${argument#*=} ;;
    --query-*) exit 0 ;;
    --format=*)
      case $argument in *noheader*) header= ;; esac
      case $argument in *nounits*) unit= percent= ;; esac ;;
  esac
done
card=0
if [ -n "$fields" ]; then [ -z "$header" ] || printf '%s\\n' "$fields"; fi
while [ "$card" -lt "$count" ]; do
  uuid=GPU-$lease-$card
  line="GPU $card: $name (UUID: $uuid)"
  if [ -n "$fields" ]; then
    line=
    IFS=,
    for field in $fields; do
      case \${field# } in
        index) value=$card ;;
        count) value=$count ;;
        name | gpu_name) value=$name ;;
        uuid | gpu_uuid) value=$uuid ;;
        memory.total | memory.free) value=$mib$unit ;;
        memory.used) value=0$unit ;;
        utilization.*) value=0$percent ;;
        *) value='[N/A]' ;;
      esac
      line="\${line:+$line, }$value"
    done
    unset IFS
  fi
  printf '%s\\n' "$line"
  card=$((card + 1))
done
`;
