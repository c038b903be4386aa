# SPDX-License-Identifier: GPL-2.0
#
# Compiles the programs of the kernel's selftests that tests/selftests/programs
# lists. $1 is where the objects go, $2 the top of the kernel tree; the current
# directory is tests/selftests.
#
# One that does not compile leaves no object, and its test says so: a kernel tree
# of the user's own may have changed it.
set -eu
bpf=$2/tools/testing/selftests/bpf

# "kept" or "gone", the file, and whether what keeps it out still stands in it.
: >"$1/left_out"
while read -r name file word; do
	case $name in
	'' | '#'*) continue ;;
	-)
		if grep -qF -- "$word" "$bpf/progs/$file"; then
			echo "kept $file $word" >>"$1/left_out"
		else
			echo "gone $file $word" >>"$1/left_out"
		fi
		continue
		;;
	esac
	# Programs become functions that the wrapper takes in. A map that is a hash
	# instead of an LRU hash can't have the flags of one.
	sed -E -e 's/^SEC\("(xdp|tc)[^"]*"\)/static __attribute__((always_inline, unused))/' \
		-e '/__uint\(map_flags, 1U << 1\)/d' "$bpf/progs/$file" >"$1/$file"
	case $name in
	tc_*) kind=-DCLASSIFIER ;;
	*) kind=-UCLASSIFIER ;;
	esac
	# Maps are described by BTF. Without it all functions are static to the verifier,
	# which takes no others with a context from a kernel that has no BTF of its own.
	if grep -qF 'SEC(".maps")' "$bpf/progs/$file"; then
		debug=-g
	else
		debug=-g0
	fi
	# Headers of the C library ask for the architecture that they are of.
	clang -O2 "$debug" -target bpf -mcpu=v3 -D__x86_64__ -Wno-macro-redefined \
		-I"$1" -I"$bpf/progs" -I"$bpf" -I/usr/include/x86_64-linux-gnu \
		"$kind" -DSELFTEST="\"$file\"" -DENTRY="$word" \
		-c wrapper.bpf.c -o "$1/$name.bpf.o" || rm -f "$1/$name.bpf.o"
done <programs
