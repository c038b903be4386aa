# SPDX-License-Identifier: GPL-2.0
#
# Runs tests in one guest, a group after another: OPTION... -- GROUP..., where a group
# is NAME PROGRAM COUNT TEST... A line on stdout tells how each ended, and the kernel's
# log which one was running.

options=()
while [ "$1" != -- ]; do
	options+=("$1")
	shift
done
shift
# Frames are counted. A distribution's default (fq_codel) drops those that a full ring
# has kept waiting; this one, which the other kernels have, only when it is full.
echo pfifo_fast >/proc/sys/net/core/default_qdisc
all=0
while [ $# -gt 0 ]; do
	name=$1 program=$2 count=$3
	shift 3
	echo "test program $name" >/dev/kmsg
	"$program" "${options[@]}" "${@:1:count}"
	status=$?
	shift "$count"
	echo "test program $name: exit status $status"
	[ $status = 0 ] || all=$status
done
exit $all
