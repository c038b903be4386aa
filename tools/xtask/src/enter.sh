# SPDX-License-Identifier: GPL-2.0
#
# Enters the build-and-guest root. Runs in a mount and a PID namespace of its own
# (see enter.rs), so everything mounted here is gone with the last process, and
# killing the first one kills all.
#
#   enter.sh STAGE ROOT CWD [SOURCE TARGET ro|rw]... -- COMMAND [ARG]...
#
# The root itself stays as it was made: an overlay takes what is written.
set -eu
stage=$1 lower=$2 cwd=$3
shift 3

mount -t tmpfs -o mode=0755 offload_nic "$stage"
cd "$stage"
mkdir lower upper work root
mount --bind "$lower" lower
mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay root || {
	echo "cannot mount overlayfs for the build-and-guest root: is it in this kernel (modprobe overlay)?" >&2
	exit 1
}
mount -t proc proc root/proc
mount --rbind /dev root/dev
# User Mode Linux keeps its guest's memory here; a container's own is often 64 MiB.
mount -t tmpfs -o mode=1777,size=16g tmpfs root/dev/shm
mount -t tmpfs -o mode=1777 tmpfs root/tmp
cp -L /etc/resolv.conf root/etc/resolv.conf 2>/dev/null || :
cp -L /etc/hosts root/etc/hosts 2>/dev/null || :

while [ "$1" != -- ]; do
	if [ -d "$1" ]; then
		mkdir -p "root$2"
	else
		mkdir -p "$(dirname "root$2")"
		[ -e "root$2" ] || : >"root$2"
	fi
	mount --bind "$1" "root$2"
	if [ "$3" = ro ]; then
		mount -o remount,bind,ro "root$2"
	fi
	shift 3
done
shift

# Not exec: the first process of a PID namespace is spared by abort(), which is how
# User Mode Linux ends after a panic.
chroot root /usr/bin/env --chdir="$cwd" "$@"
exit $?
