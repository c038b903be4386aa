# SPDX-License-Identifier: GPL-2.0
#
# Runs in the build-and-guest root. Makes a build directory for modules in OUT, where
# fetch-distro.sh has been at work, from the kernel's source TREE: the package of headers
# lacks what modules in Rust are compiled against. And an initial RAM disk that finds the
# root over 9p, for which this kernel has modules.
#
#   prepare-distro.sh TREE OUT INIT MAKE-VARIABLE...
set -eu
tree=$1 out=$2 init=$3
shift 3
release=$(cat "$out/release")
build=$out/build

printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' \
	"$out/pahole/usr/lib/x86_64-linux-gnu" "$out/pahole/usr/bin/pahole" >"$out/pahole.sh"
chmod +x "$out/pahole.sh"

mkdir -p "$build/arch/x86/boot"
cp "$out/headers/.config" "$build/"
cd "$tree"
base=$(make --silent kernelversion)
make --silent O="$build" "$@" olddefconfig
# What the configuration says is how structures lie in memory.
if ! diff "$out/headers/.config" "$build/.config"; then
	echo "the root's tools do not give the configuration that the kernel was built with" >&2
	exit 1
fi
make --silent O="$build" "$@" LOCALVERSION="${release#"$base"}" modules_prepare
if [ "$(cat "$build/include/config/kernel.release")" != "$release" ]; then
	echo "the source is not that of the kernel $release" >&2
	exit 1
fi
mv "$out/headers/Module.symvers" "$out/headers/vmlinux" "$build/"
mv "$out/image" "$build/arch/x86/boot/bzImage"

disk=/tmp/disk
mkdir -p $disk/bin $disk/dev $disk/modules $disk/root
cp /bin/busybox $disk/bin/
cp "$init" $disk/init
chmod +x $disk/init
for module in 9pnet_virtio 9p; do
	modprobe --dirname "$out/modules" --set-version "$release" --show-depends $module
done | sed -n 's/^insmod //p' | awk '!seen[$0]++' | while read -r path; do
	cp "$path" $disk/modules/
	basename "$path"
done >/tmp/order
mv /tmp/order $disk/modules/order
cd $disk
find . | cpio --quiet -o -H newc >"$out/initrd"
