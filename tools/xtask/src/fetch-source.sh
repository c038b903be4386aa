# SPDX-License-Identifier: GPL-2.0
#
# Runs in the build-and-guest root. Fetches Debian's package of the kernel source
# VERSION, or of the next newer one if the archive has moved on, and unpacks it
# into OUT/tree.
#
#   fetch-source.sh VERSION OUT
set -eu
version=$1 out=$2
mkdir -p /tmp/lists/partial /tmp/archives/partial
cd /tmp

# An apt of its own: nothing of the root's changes.
isolated() {
	tool=$1
	shift
	"$tool" -o Dir::Etc::sourcelist=/tmp/sources.list -o Dir::Etc::sourceparts=- \
		-o Dir::State::Lists=/tmp/lists -o Dir::Cache=/tmp/archives \
		-o APT::Sandbox::User=root "$@"
}

# Backports first: it is the suite next to the root's own. It rolls on, and so do
# the other two.
for suite in trixie-backports forky sid; do
	sed -n "s/ trixie main/ $suite main/p" /etc/apt/sources.list >sources.list
	isolated apt-get update
	package=$(isolated apt-cache pkgnames linux-source- |
		grep -E '^linux-source-[0-9.]+$' | sort -V |
		awk -v want="linux-source-$version" '
			$0 == want { exact = $0 }
			{ all[NR] = $0 }
			END {
				if (exact) { print exact; exit }
				split(want, w, /[-.]/)
				for (i = 1; i <= NR; i++) {
					split(all[i], v, /[-.]/)
					if (v[3] > w[3] || (v[3] == w[3] && v[4] >= w[4])) { print all[i]; exit }
				}
			}')
	if [ -n "$package" ]; then
		break
	fi
done
if [ -z "$package" ]; then
	echo "no linux-source-$version or newer in trixie-backports, forky or sid;" \
		"pass a kernel tree of your own with --kernel-source DIR" >&2
	exit 1
fi

echo "fetching $package from $suite"
isolated apt-get download "$package"
deb=$(echo "$package"_*.deb)
mkdir "$out/tree"
# Other architectures and the largest GPU driver are half of the tree, and no
# kernel of ours builds them. Their Kconfig files stay: others include them.
dpkg-deb --fsys-tarfile "$deb" | tar --extract --to-stdout "./usr/src/$package.tar.xz" |
	tar --extract --xz --directory "$out/tree" --strip-components=1 --anchored \
		--exclude="$package/arch/[a-tv-w]*.[chS]" --exclude="$package/arch/*.dts*" \
		--exclude="$package/drivers/gpu/drm/*.[ch]" --exclude="$package/sound/*.[ch]" \
		--exclude="$package/Documentation/translations/*"
echo "$deb" >"$out/version"
