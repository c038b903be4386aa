# SPDX-License-Identifier: GPL-2.0
#
# Runs in the build-and-guest root. Fetches one of Debian's own kernels into OUT:
#
#   release                what `uname -r` says
#   version                the version of the packages
#   image                  what is booted
#   modules/lib/modules/   those that a NIC may meet
#   headers/               configuration, symbols and BTF of the kernel
#   pahole/                the tool that makes the BTF of modules
#   tree/                  the source, with "newest"
#
#   fetch-distro.sh VERSION OUT
#
# VERSION is that of the packages, or "newest": the newest in the suite next to the
# root's own, whose kernels come from the compilers that the root has.
set -eu
version=$1 out=$2
cd /tmp

# An apt of its own for each suite: nothing of the root's changes.
isolated() {
	tool=$1
	shift
	"$tool" -o Dir::Etc::sourcelist="/tmp/$suite/sources.list" -o Dir::Etc::sourceparts=- \
		-o Dir::State::Lists="/tmp/$suite/lists" -o Dir::Cache=/tmp/archives \
		-o APT::Sandbox::User=root "$@"
}
use() {
	suite=$1
	mkdir -p "/tmp/$suite/lists/partial" /tmp/archives/partial
	sed -n "s/ trixie main/ $suite main/p" /etc/apt/sources.list >"/tmp/$suite/sources.list"
	# A mirror may lag behind. Signatures are checked all the same.
	isolated apt-get update -o Acquire::Check-Valid-Until=false
}

# "PACKAGE VERSION" of each kernel in the suite, the oldest first.
kernels() {
	for package in $(isolated apt-cache pkgnames linux-binary- |
		grep -E '^linux-binary-[0-9.]+\+deb[0-9]+-amd64$' | sort -V); do
		isolated apt-cache show --no-all-versions "$package" |
			sed -n "s/^Version: /$package /p"
	done
}

found=
for name in trixie-backports forky sid; do
	use "$name"
	if [ "$version" = newest ]; then
		found=$(kernels | tail -n 1)
	else
		found=$(kernels | grep -F " $version" || :)
	fi
	[ -z "$found" ] || break
done
if [ -z "$found" ]; then
	echo "no kernel of version $version in trixie-backports, forky or sid" >&2
	exit 1
fi
release=${found%% *}
release=${release#linux-binary-}
version=${found##* }
echo "fetching the kernel $release ($version) from $suite"
isolated apt-get download "linux-base-$release=$version" "linux-binary-$release=$version" \
	"linux-modules-$release=$version" "linux-headers-$release=$version"
echo "$release" >"$out/release"
echo "$version" >"$out/version"

# The drivers of machines that no guest is. Of file systems, configfs is one by which modules are set up.
mkdir -p "$out/modules/lib" "$out/headers" /tmp/unpacked
for package in base binary modules headers; do
	dpkg-deb --fsys-tarfile linux-$package-*.deb | tar --extract --directory /tmp/unpacked \
		--wildcards --exclude='*/kernel/sound' --exclude='*/kernel/drivers/[abd-moq-uw-z]*' \
		--exclude='*/kernel/drivers/net/ethernet' --exclude='*/kernel/drivers/net/wireless' \
		--exclude='*/kernel/fs/[abdeg-mp-z]*' --exclude='*/kernel/fs/c[a-np-z]*'
done
mv /tmp/unpacked/usr/lib/modules/"$release"/vmlinuz "$out/image"
mv /tmp/unpacked/usr/lib/modules "$out/modules/lib/"
headers=/tmp/unpacked/usr/src/linux-headers-$release
mv "$headers/.config" "$headers/Module.symvers" "$headers/vmlinux" "$out/headers/"
# An emulated machine is slow at that.
find "$out/modules" -name '*.ko.xz' -exec xz --decompress {} +
depmod --basedir "$out/modules" "$release"

if [ "$1" = newest ]; then
	series=$(echo "$version" | cut -d. -f1,2)
	isolated apt-get download "linux-source-$series=$version"
	mkdir "$out/tree"
	# As with the source of the other kernels.
	dpkg-deb --fsys-tarfile linux-source-*.deb |
		tar --extract --to-stdout "./usr/src/linux-source-$series.tar.xz" |
		tar --extract --xz --directory "$out/tree" --strip-components=1 --anchored \
			--exclude="linux-source-$series/arch/[a-tv-w]*.[chS]" \
			--exclude="linux-source-$series/arch/*.dts*" \
			--exclude="linux-source-$series/drivers/gpu/drm/*.[ch]" \
			--exclude="linux-source-$series/sound/*.[ch]" \
			--exclude="linux-source-$series/Documentation/translations/*"
fi

use trixie
isolated apt-get download pahole libdw1t64
for package in pahole libdw1t64; do
	dpkg-deb --extract $package*.deb "$out/pahole"
done
