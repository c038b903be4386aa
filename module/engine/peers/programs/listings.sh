#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Compiles the programs of this directory again: NAME.bpf.c to NAME.lst, what
# llvm-objdump prints of it, which the bench reads. The listings are kept so that
# the bench needs no clang, and measures the same instructions everywhere.
set -eu
cd "$(dirname "$0")"
object=$(mktemp)
trap 'rm -f "$object"' EXIT
for source in *.bpf.c; do
	clang -O2 -g -Wall -Werror -target bpf -mcpu=v3 -I"/usr/include/$(uname -m)-linux-gnu" \
		-c "$source" -o "$object"
	{
		echo "// SPDX-License-Identifier: GPL-2.0"
		echo "// Made from $source by listings.sh."
		llvm-objdump -d -r --section=xdp "$object" | sed -n '/^[0-9a-f]* </,$p'
	} >"${source%.bpf.c}.lst"
done
