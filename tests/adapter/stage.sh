#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs in a guest: one of the kernel's own scripts, on a pair of ports on one cable,
# the far one in a namespace of its own if the script can have it there, or on as many
# cables as it takes.
#
#   stage.sh offload_nic|netdevsim|veth SCRIPT [ARG]...
#
# SCRIPT is relative to the selftests, which are in OFFLOAD_NIC_SUITES; the ethtool
# that they want is in OFFLOAD_NIC_ETHTOOL. The NIC parses by the graph in the file
# OFFLOAD_NIC_GRAPH, if there is one, as OFFLOADCTL builds it.
set -eu
nic=$1 script=$2
shift 2
adapter=$(dirname "$(realpath "$0")")
# What a script says of its cases goes to stdout, why one failed often to stderr: it
# is one report, in the order in which it was said.
exec 2>&1
export PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# A newer ethtool than the guest's, and what it has none of.
export PATH=$OFFLOAD_NIC_ETHTOOL:$PATH:$adapter/mtools
# Traffic is made by dozens of threads. Where the processor is emulated, what a script does beside it
# would get nowhere in the time that the script has for it.
#
# And iperf3 leaves its handler of SIGTERM by longjmp(): if that has come while it was in malloc(), it waits for
# ever for a lock that it has itself, and the script for it. Then it is killed.
first=
[ "${OFFLOAD_NIC_VM:-}" != qemu ] || first='nice -n 19'
mkdir -p /tmp/traffic
printf '#!/bin/sh\nexec %s timeout --kill-after=5 0 %s "$@"\n' "$first" "$(command -v iperf3)" \
	>/tmp/traffic/iperf3
chmod +x /tmp/traffic/iperf3
PATH=/tmp/traffic:$PATH
path=$OFFLOAD_NIC_SUITES/$script
cd "$(dirname "$path")"

# As in any system that has been booted, not put together for a test.
modprobe --quiet configfs || :
[ ! -d /sys/kernel/config ] || mount -t configfs configfs /sys/kernel/config

# GRO of PPPoE is part of that, and nothing in the script asks for it.
modprobe --quiet pppoe || :

# This one drives a bus: it makes and removes its devices itself.
if [ "$script" = net/bpf_offload.py ]; then
	if [ -n "${OFFLOAD_NIC_GRAPH:-}" ]; then
		echo "SKIP: it makes its devices itself, each with the graph that it comes with"
		exit 4
	fi
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

# Has the NIC parse by another graph, and the kernel run the flow dissector that is made of that: no hash is told
# otherwise. One that is attached here dissects in all namespaces.
parse_by() {
	mkdir -p /tmp/firmware
	printf /tmp/firmware >/sys/module/firmware_class/parameters/path
	"$OFFLOADCTL" parser build "$1" --output /tmp/firmware/graph.fw --object /tmp/firmware/graph.o
	devlink dev flash offload_nic/offload_nic0 file graph.fw component parser
	devlink dev reload offload_nic/offload_nic0 action fw_activate
	bpftool prog load /tmp/firmware/graph.o /sys/fs/bpf/graph type flow_dissector
	bpftool prog attach pinned /sys/fs/bpf/graph flow_dissector
	"$OFFLOADCTL" parser show onic0
}

# Interfaces of a device of netdevsim.
netdevsim_port() {
	echo "$1 1 4" >/sys/bus/netdevsim/new_device
	ls "/sys/bus/netdevsim/devices/netdevsim$1/net"
}

# The older ones in shell are told all names, and move what they like by themselves: some
# of them make a switch and hosts around it, and none wants more than five cables.
told=no cables=1
if [ "${script##*.}" = sh ] && ! grep -q DRIVER_TEST_CONFORMANT "$path"; then
	told=yes cables=5
fi
# Both ends of the first one, both of the second, ...
ports=()
case $nic in
offload_nic)
	count=$((2 * cables))
	if [ $told = yes ]; then
		# And one of them that of a port without a cable.
		export NETIF_NO_CABLE=onic$((count++))
	fi
	# Some scripts want 66 queues, others as many as they have processors.
	insmod "$OFFLOAD_NIC_KO" queues=128 ports=$count
	queues=4
	# This one looks for processors that no queue's interrupt goes to.
	[ "${script##*/}" != toeplitz.py ] || queues=2
	for ((port = 0; port < 2 * cables; port++)); do
		ethtool -L onic$port combined $queues
		ports+=(onic$port)
	done
	[ -z "${OFFLOAD_NIC_GRAPH:-}" ] || parse_by "$OFFLOAD_NIC_GRAPH"
	# What ordinary frames lie in comes from the sender's memory. This one wants them in pages of a pool.
	[ "${script##*/}" != pp_alloc_fail.py ] || ethtool -G onic0 tcp-data-split on
	# A guest takes long to send a frame to each of 512 flows, and then one more. The device is to let frames
	# wait for that, but not for the 100 ms that these have between bursts.
	case ${script##*/} in
	gro.py | gro_hw.py) echo 90000000 >/sys/class/net/onic0/gro_flush_timeout ;;
	esac
	;;
netdevsim)
	modprobe netdevsim
	exec {namespace}</proc/self/ns/net
	for ((cable = 0; cable < cables; cable++)); do
		near=$(netdevsim_port $((2 * cable + 1))) far=$(netdevsim_port $((2 * cable + 2)))
		echo "$namespace:$(<"/sys/class/net/$near/ifindex") $namespace:$(<"/sys/class/net/$far/ifindex")" \
			>/sys/bus/netdevsim/link_device
		ports+=("$near" "$far")
	done
	;;
veth)
	for ((cable = 0; cable < cables; cable++)); do
		ip link add near$cable numtxqueues 4 numrxqueues 4 type veth \
			peer name far$cable numtxqueues 4 numrxqueues 4
		ports+=(near$cable far$cable)
	done
	;;
esac

[ $told = no ] || exec bash "$path" "${ports[@]}" "$@"
near=${ports[0]} far=${ports[1]}

# Networks that no script has for tunnels and the like of its own.
ip netns add remote
ip link set "$far" netns remote
remote() { ip netns exec remote "$@"; }
ip address add 203.0.113.1/24 dev "$near"
ip address add 2001:db8:2::1/64 dev "$near" nodad
remote ip address add 203.0.113.2/24 dev "$far"
remote ip address add 2001:db8:2::2/64 dev "$far" nodad
# The stack labels flows of IPv6 by itself. A graph in which there are no labels may leave out what has one.
if [ -n "${OFFLOAD_NIC_GRAPH:-}" ] && ! grep -q '"flow_label"' "$OFFLOAD_NIC_GRAPH"; then
	echo 0 >/proc/sys/net/ipv6/auto_flowlabels
	remote sh -c 'echo 0 >/proc/sys/net/ipv6/auto_flowlabels'
fi
remote ip link set lo up
remote ip link set "$far" up
ip link set "$near" up
# Scripts that take the near end down want to reach the far one afterwards.
echo 1 >"/proc/sys/net/ipv6/conf/$near/keep_addr_on_down"
# A network for containers behind the near end; the far end is to know the way.
remote ip route add 2001:db8:1::/64 via 2001:db8:2::1 dev "$far"

export NETIF=$near
export LOCAL_V4=203.0.113.1 REMOTE_V4=203.0.113.2
export LOCAL_V6=2001:db8:2::1 REMOTE_V6=2001:db8:2::2
export LOCAL_PREFIX_V6=2001:db8:1::/64
export REMOTE_TYPE=netns REMOTE_ARGS=remote
case $script in
*.sh) exec bash "$path" "$@" ;;
*) exec python3 "$path" "$@" ;;
esac
