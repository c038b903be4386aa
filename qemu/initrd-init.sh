#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# The first process of a guest whose kernel has no 9p of its own: finds the root, and
# hands over to guest-init.sh as such a kernel would have started it.
busybox=/bin/busybox

$busybox mount -t devtmpfs devtmpfs /dev
while read -r module; do
	$busybox insmod "/modules/$module"
done </modules/order
$busybox mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=262144,cache=loose root /root
# What the kernel says when it starts one itself.
echo "Run /mnt/init as init process" >/dev/kmsg
$busybox umount /dev
exec $busybox switch_root /root /mnt/init
