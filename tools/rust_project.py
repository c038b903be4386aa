#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Adds the module's crates to the rust-project.json that the kernel generates.

The kernel's generator knows external modules of one crate in one file. Ours has several,
and they use each other; their names and who may use whom are read from Kbuild.

usage: rust_project.py KBUILD RUST_PROJECT_JSON
"""

import json
import pathlib
import re
import sys

# RUSTFLAGS_module/net/lib.o := $(call crate,net) ... $(call extern,engine)
FLAGS = re.compile(r"^RUSTFLAGS_(\S+)\.o\s*:=(.*)$", re.MULTILINE)
NAME = re.compile(r"\$\(call crate,(\w+)\)|--crate-name (\w+)")
EXTERN = re.compile(r"\$\(call extern,(\w+)\)")
# What the kernel's build gives to every crate of a module.
GIVEN = ["core", "kernel", "pin_init", "zerocopy", "zerocopy_derive"]


def main() -> None:
    kbuild, project_json = map(pathlib.Path, sys.argv[1:])
    repo = kbuild.resolve().parent
    project = json.loads(project_json.read_text())
    crates = project["crates"]
    index = {crate["display_name"]: i for i, crate in enumerate(crates)}
    cfg = crates[index["kernel"]]["cfg"]

    ours = []
    for path, flags in FLAGS.findall(kbuild.read_text().replace("\\\n", " ")):
        name = next(filter(None, NAME.search(flags).groups()))
        index[name] = len(crates)
        ours.append((name, EXTERN.findall(flags)))
        crates.append(
            {
                "display_name": name,
                "root_module": str(repo / f"{path}.rs"),
                "is_workspace_member": True,
                "cfg": cfg,
                "edition": "2021",
                "env": {
                    "RUST_MODFILE": "This is only for rust-analyzer",
                    "OFFLOAD_NIC_BINDINGS": str(repo / "module/net/bindings_generated.rs"),
                },
            }
        )
    for name, externs in ours:
        crates[index[name]]["deps"] = [
            {"crate": index[dep], "name": dep} for dep in GIVEN + externs if dep in index
        ]
    project_json.write_text(json.dumps(project, indent=4))
    print(f"{project_json}: {', '.join(name for name, _ in ours)}")


if __name__ == "__main__":
    main()
