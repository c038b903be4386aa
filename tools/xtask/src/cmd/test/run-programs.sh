# SPDX-License-Identifier: GPL-2.0
#
# Runs test programs one after another in one guest: OPTION... -- PROGRAM...
# A line on stdout tells how each ended, and the kernel's log which one was running.

options=()
while [ "$1" != -- ]; do
	options+=("$1")
	shift
done
shift
all=0
for program; do
	echo "test program $program" >/dev/kmsg
	"$program" "${options[@]}"
	status=$?
	echo "test program $program: exit status $status"
	[ $status = 0 ] || all=$status
done
exit $all
