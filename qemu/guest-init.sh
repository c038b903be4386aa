#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The first process of a guest, on QEMU and on User Mode Linux alike: mounts what
# a command may expect, runs it, leaves its status in a file, switches the guest
# off. xtask puts this script, `config` and `command` into a directory that the
# guest sees as /mnt; what the host is to learn goes into files there, because
# whatever else happens to a guest, a status that is not in the file was not
# reached.

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root LANG=C.UTF-8

# The root is shared with the host and read-only; these are the guest's own.
mount -t proc proc /proc
. /mnt/config
# What is shown from the host may lie where a file system of the guest's own goes
# (a clone in /root or /tmp): it is fetched from here afterwards.
mount --bind / /media
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
# The kernel may have found no console in the shared root's /dev.
exec </dev/null >/dev/console 2>&1
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
for dir in /dev/shm /run /tmp /root /var/tmp; do
	mount -t tmpfs tmpfs "$dir"
done
printf %s "$OFFLOAD_NIC_SHOWN" | while IFS= read -r shown; do
	if [ ! -e "$shown" ]; then
		mkdir -p "$shown"
		mount --bind "/media$shown" "$shown"
	fi
done
umount /media
ln -sf /proc/self/fd /dev/fd
ln -sf /proc/self/fd/0 /dev/stdin
ln -sf /proc/self/fd/1 /dev/stdout
ln -sf /proc/self/fd/2 /dev/stderr
mkdir -p /run/etc/upper /run/etc/work /run/netns
mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work overlay /etc
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
mount -t bpf bpffs /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup

# The writable places, shared with the host.
share() {
	case $(</proc/cmdline) in
	*rootfstype=hostfs*) mount -t hostfs -o "hostfs=$2" hostfs "$2" ;;
	*) mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=none "$1" "$2" ;;
	esac
}
share control /mnt
mkdir -p "$OFFLOAD_NIC_RESULTS"
share results "$OFFLOAD_NIC_RESULTS"

[ -z "$OFFLOADCTL" ] || PATH=$PATH:${OFFLOADCTL%/*}
hostname offload-nic
ip link set lo up
cd "$OFFLOAD_NIC_REPO" || cd /

# Where the command's output goes, and a shell's terminal. Virtio ports and
# consoles come up by themselves, some time after boot, with numbers that depend on
# what else there is.
line() {
	local port tries
	for ((tries = 0; tries < 500; tries++)); do
		case $OFFLOAD_NIC_VM-$1 in
		uml-out) line=/dev/ttyS0 ;;
		uml-err) line=/dev/ttyS1 ;;
		uml-tty) line=/dev/tty1 ;;
		qemu-tty) line=/dev/hvc0 ;;
		*)
			line=
			for port in /sys/class/virtio-ports/*; do
				[ "$(<"$port/name")" = "$1" ] && line=/dev/${port##*/}
			done
			;;
		esac
		[ -c "$line" ] && return
		read -rt 0.02 <> <(:)
	done
	echo "guest: the line '$1' to the host did not come up" >/dev/kmsg
}

debugfs=/sys/kernel/debug
# Leaks are told by their backtraces, which take frame pointers on User Mode Linux.
leaks=no
if [ -e $debugfs/kmemleak ] && zcat /proc/config.gz | grep -q '^CONFIG_FRAME_POINTER=y'; then
	leaks=yes
	# Hundreds of objects of the boot look leaked, and are too young to be told
	# apart by a scan: what is judged is what was made after this.
	sed -n '/^jiffies: /{s///p;q}' /proc/timer_list >/mnt/jiffies
fi

if [ -e /mnt/command ]; then
	line out
	out=$line
	line err
	err=$line
	[ "$OFFLOAD_NIC_VM" = uml ] && stty -F $out raw && stty -F $err raw
	# Through pipes, so that the command sees no terminal: nothing is coloured,
	# and a full port only makes it wait.
	exec {out_fd}> >(exec cat >$out)
	out_cat=$!
	exec {err_fd}> >(exec cat >$err)
	err_cat=$!
	bash /mnt/command >&$out_fd 2>&$err_fd {out_fd}>&- {err_fd}>&-
	status=$?
	exec {out_fd}>&- {err_fd}>&-
	# What the command left in the background would hold the pipes open, and the
	# module too. Kernel threads have no executable.
	for process in /proc/[0-9]*; do
		pid=${process#/proc/}
		case $pid in
		1 | "$out_cat" | "$err_cat") ;;
		*) readlink "$process/exe" >/dev/null && kill -KILL "$pid" ;;
		esac
	done 2>/dev/null
	wait $out_cat $err_cat
else
	line tty
	setsid -c bash -i <$line >$line 2>&1
	status=$?
fi

# What only the end of a run shows.
if [ $leaks = yes ]; then
	# kmemleak does not report an object before it is 5 s old (MSECS_MIN_AGE), and
	# the first scan after that only takes checksums of those it suspects.
	read -rt 5.2 <> <(:)
	echo scan >$debugfs/kmemleak
	echo scan >$debugfs/kmemleak
	cat $debugfs/kmemleak >/mnt/kmemleak
fi
[ -e /proc/lockdep_stats ] && cat /proc/lockdep_stats >/mnt/lockdep

echo $status >/mnt/status
sync
if [ "$OFFLOAD_NIC_VM" = uml ]; then
	exec busybox poweroff -f
fi
# With QEMU's -no-reboot this ends the machine, and needs no ACPI event.
exec busybox reboot -f
