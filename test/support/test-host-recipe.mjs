// What is inside the test-host images. A change here changes the recipe's hash, and the images are built anew.

/** Image with everything a comfortable machine has. */
export const testHostImage = "gpujob-test-host:1";
/** Image with busybox, sshd and nothing else: no bash, Python, git, rsync or GNU tools. */
export const busyboxHostImage = "gpujob-test-host-busybox:1";
/** Label that carries the recipe's hash. */
export const recipeLabel = "gpujob.recipe";
/** Label on every container that a test started; its value is the process id of that test. */
export const ownerLabel = "gpujob.test-owner";

/** Packages on top of the minimal system. */
export const packages = [
  "openssh-server",
  "rsync",
  "busybox-static",
  "git",
  "python3-minimal",
  "openssl",
  "procps",
  "iproute2",
  "iptables",
  "fish",
  "tcsh",
  "zsh",
  "faketime",
  "inotify-tools",
];

/**
 * Entry point of both images. HOST_SETUP is shell text that makes users and keys; it must be safe to run again, since
 * a restarted container runs it again. Host keys live as long as the container.
 */
export const entryPoint = `#!/bin/sh
set -e
for type in ed25519 ecdsa rsa; do
  [ -f /etc/ssh/ssh_host_\${type}_key ] || ssh-keygen -q -t $type -N '' -f /etc/ssh/ssh_host_\${type}_key
done
[ -s /etc/machine-id ] || tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
mkdir -p /run/sshd
eval "$HOST_SETUP"
exec /usr/sbin/sshd -D -e
`;

/** No DNS, no PAM: log-ins are quick and the same in both images. */
export const sshdConfig = `Port 22
HostKey /etc/ssh/ssh_host_ed25519_key
HostKey /etc/ssh/ssh_host_ecdsa_key
HostKey /etc/ssh/ssh_host_rsa_key
PermitRootLogin yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
AllowTcpForwarding yes
MaxStartups 100
Subsystem sftp internal-sftp
Include /etc/ssh/sshd_config.d/*.conf
`;

/** Turns a copy of the full system into the busybox one. Runs inside the copy, by its own static busybox. */
export const reduceToBusybox = `set -e
bb=/usr/bin/busybox
# useradd and chpasswd are for HOST_SETUP: this busybox has neither applet.
keep="busybox sshd ssh-keygen sshd-session sshd-auth useradd chpasswd"
for folder in /usr/bin /usr/sbin /bin /sbin; do
  [ -h $folder ] && continue
  for file in $folder/*; do
    name=\${file##*/}
    case " $keep gpujob-test-host " in *" $name "*) continue ;; esac
    $bb rm -f $file
  done
done
$bb --list | while read -r name; do
  [ -e /usr/bin/$name ] || $bb ln -s busybox /usr/bin/$name
done
$bb rm -rf /usr/lib/python3* /usr/lib/git-core /usr/share /var/lib/dpkg /var/lib/apt /usr/lib/apt
$bb sed -i 's#/bin/bash#/bin/sh#' /etc/passwd
`;
