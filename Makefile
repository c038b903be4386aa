# SPDX-License-Identifier: GPL-2.0
#
# Builds offload_nic.ko against a Rust-enabled kernel, 7.2 or newer:
#
#     make KDIR=/path/to/kernel/build
#
# Every other target that the kernel offers to external modules works too: `make
# clippy`-style checks by `make CLIPPY=1`, `make rust-analyzer`, `make clean`, ...

KDIR ?= /lib/modules/$(shell uname -r)/build

ifeq ($(wildcard $(KDIR)/Makefile),)
$(error No kernel build directory at '$(KDIR)': give one with KDIR=/path/to/kernel/build)
endif
ifeq ($(wildcard $(KDIR)/include/config/auto.conf),)
$(error The kernel in '$(KDIR)' has not been configured and built)
endif
ifeq ($(shell grep -s '^CONFIG_RUST=y' $(KDIR)/include/config/auto.conf),)
$(error The kernel in '$(KDIR)' is built without CONFIG_RUST=y, which offload_nic needs)
endif

kernel_release := $(shell cat $(KDIR)/include/config/kernel.release 2>/dev/null)
ifneq ($(firstword $(shell printf '%s\n' 7.2 $(kernel_release) | sort -V)),7.2)
$(error The kernel in '$(KDIR)' is $(or $(kernel_release),of an unknown release): offload_nic needs 7.2 or newer)
endif

ifeq ($(MAKECMDGOALS),rust-analyzer)
# The kernel's rust-project.json, and in it the crates that it cannot know.
.PHONY: rust-analyzer
rust-analyzer:
	$(MAKE) -C $(KDIR) M=$(CURDIR) rust-analyzer
	tools/rust_project.py Kbuild rust-project.json
else
export KBUILD_EXTMOD := $(CURDIR)

include $(KDIR)/Makefile
endif
