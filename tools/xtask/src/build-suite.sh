# SPDX-License-Identifier: GPL-2.0
#
# Runs in the build-and-guest root. Copies the kernel's networking selftests out of
# its TREE, with all that they find by relative paths, to OUT, and builds there what
# they run and load. The scripts themselves stay as they are.
#
#   build-suite.sh TREE OUT
set -eu
tree=$1 out=$2
selftests=tools/testing/selftests

# The helpers want the headers of this kernel, not those of the root's.
make --silent --directory="$tree" O=/tmp/headers headers_install INSTALL_HDR_PATH="$out/usr"

cd "$tree"
# The generator of netlink code looks for the file MAINTAINERS to know the top.
cp --archive --parents --target-directory="$out" \
	MAINTAINERS scripts/bpf_doc.py Documentation/netlink include/uapi \
	tools/arch tools/build tools/include tools/lib/bpf tools/net/ynl tools/scripts \
	"$selftests"/*.* "$selftests"/kselftest "$selftests"/drivers/net "$selftests"/net

cd "$out/$selftests"
build() {
	directory=$1
	shift
	make --silent --directory="$directory" "$@"
}
build net/lib
build net "$PWD"/net/sample_ret0.bpf.o "$PWD"/net/sample_map_ret0.bpf.o
build drivers/net
build drivers/net/hw

# The scripts read JSON of commands for which Debian 13's ethtool has none yet, before
# 7.0. The next release's runs on the root's libraries.
mkdir -p /tmp/lists/partial /tmp/archives/partial
cd /tmp
isolated() {
	tool=$1
	shift
	"$tool" -o Dir::Etc::sourcelist=/tmp/sources.list -o Dir::Etc::sourceparts=- \
		-o Dir::State::Lists=/tmp/lists -o Dir::Cache=/tmp/archives \
		-o APT::Sandbox::User=root "$@"
}
sed -n 's/ trixie main/ forky main/p' /etc/apt/sources.list >sources.list
# A mirror may lag behind. Signatures are checked all the same.
isolated apt-get update -o Acquire::Check-Valid-Until=false
isolated apt-get download ethtool
dpkg-deb --extract ethtool_*.deb "$out/ethtool"
