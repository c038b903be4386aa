#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs in a guest: one of the kernel's own scripts, on a pair of ports on one cable,
# the far one in a namespace of its own if the script can have it there.
#
#   stage.sh offload_nic|netdevsim|veth SCRIPT [ARG]...
#
# SCRIPT is relative to the selftests, which are in OFFLOAD_NIC_SUITES; the ethtool
# that they want is in OFFLOAD_NIC_ETHTOOL.
set -eu
nic=$1 script=$2
shift 2
adapter=$(dirname "$(realpath "$0")")
# What a script says of its cases goes to stdout, why one failed often to stderr: it
# is one report, in the order in which it was said.
exec 2>&1
export PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# A newer ethtool than the guest's.
export PATH=$OFFLOAD_NIC_ETHTOOL:$PATH
path=$OFFLOAD_NIC_SUITES/$script
cd "$(dirname "$path")"

# This one drives a bus: it makes and removes its devices itself.
if [ "$script" = net/bpf_offload.py ]; then
	case $nic in
	offload_nic)
		insmod "$OFFLOAD_NIC_KO"
		exec python3 "$adapter/names.py" "$path" "$@"
		;;
	netdevsim) exec python3 "$path" "$@" ;;
	*)
		echo "SKIP: it makes its devices itself, on a bus that $nic does not have"
		exit 4
		;;
	esac
fi

# Interfaces of a device of netdevsim.
netdevsim_port() {
	echo "$1 1 4" >/sys/bus/netdevsim/new_device
	ls "/sys/bus/netdevsim/devices/netdevsim$1/net"
}

case $nic in
offload_nic)
	# Some scripts want 66 queues, others as many as they have processors.
	insmod "$OFFLOAD_NIC_KO" queues=128
	near=onic0 far=onic1
	queues=4
	# This one looks for processors that no queue's interrupt goes to.
	[ "${script##*/}" != toeplitz.py ] || queues=2
	ethtool -L $near combined $queues
	ethtool -L $far combined $queues
	;;
netdevsim)
	modprobe netdevsim
	near=$(netdevsim_port 1) far=$(netdevsim_port 2)
	exec {namespace}</proc/self/ns/net
	echo "$namespace:$(<"/sys/class/net/$near/ifindex") $namespace:$(<"/sys/class/net/$far/ifindex")" \
		>/sys/bus/netdevsim/link_device
	;;
veth)
	near=near far=far
	ip link add $near numtxqueues 4 numrxqueues 4 type veth \
		peer name $far numtxqueues 4 numrxqueues 4
	;;
esac

# The older ones in shell are told both names, and move what they like by themselves.
if [ "${script##*.}" = sh ] && ! grep -q DRIVER_TEST_CONFORMANT "$path"; then
	exec bash "$path" "$near" "$far" "$@"
fi

ip netns add remote
ip link set "$far" netns remote
remote() { ip netns exec remote "$@"; }
ip address add 198.51.100.1/24 dev "$near"
ip address add 2001:db8:2::1/64 dev "$near" nodad
remote ip address add 198.51.100.2/24 dev "$far"
remote ip address add 2001:db8:2::2/64 dev "$far" nodad
remote ip link set lo up
remote ip link set "$far" up
ip link set "$near" up
# Scripts that take the near end down want to reach the far one afterwards.
echo 1 >"/proc/sys/net/ipv6/conf/$near/keep_addr_on_down"
# A network for containers behind the near end; the far end is to know the way.
remote ip route add 2001:db8:1::/64 via 2001:db8:2::1 dev "$far"

export NETIF=$near
export LOCAL_V4=198.51.100.1 REMOTE_V4=198.51.100.2
export LOCAL_V6=2001:db8:2::1 REMOTE_V6=2001:db8:2::2
export LOCAL_PREFIX_V6=2001:db8:1::/64
export REMOTE_TYPE=netns REMOTE_ARGS=remote
case $script in
*.sh) exec bash "$path" "$@" ;;
*) exec python3 "$path" "$@" ;;
esac
