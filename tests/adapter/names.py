# SPDX-License-Identifier: GPL-2.0

"""
Runs a script that the kernel has for netdevsim on offload_nic.

    names.py SCRIPT [ARG]...

The control plane of offload_nic is netdevsim's under another name: the same
attributes on a bus, the same switches in debugfs, the same messages with another
prefix. So nothing but that name is mapped, in the strings of the script and of the
selftests' library that it imports. What is on disk stays as it is, and so does what
the strings are used for.
"""

import ast
import importlib.machinery
import os
import sys
import types

THEIRS = "netdevsim"
OURS = "offload_nic"


class Names(ast.NodeTransformer):
    """Maps the name in every string, the pieces of f-strings included."""

    def visit_Constant(self, node):
        if isinstance(node.value, str):
            mapped = ast.Constant(node.value.replace(THEIRS, OURS), kind=node.kind)
            return ast.copy_location(mapped, node)
        return node


class Loader(importlib.machinery.SourceFileLoader):
    """Loads a module of the selftests, mapped."""

    def get_code(self, fullname):
        # Not by way of byte code that somebody else may have cached, unmapped.
        path = self.get_filename(fullname)
        tree = ast.parse(self.get_data(path), path)
        return compile(Names().visit(tree), path, "exec", dont_inherit=True)


def hook(top):
    """What finds modules in `top` and below; elsewhere Python's own finder does."""
    finder = importlib.machinery.FileFinder.path_hook((Loader, [".py"]))

    def find(path):
        if os.path.commonpath([top, os.path.realpath(path)]) != top:
            raise ImportError(f"not below {top}", path=path)
        return finder(path)

    return find


def main():
    """Does what Python does with a script, but for the names."""
    script = os.path.realpath(sys.argv[1])
    folder = os.path.dirname(script)
    sys.argv = [script, *sys.argv[2:]]
    sys.path[0] = folder
    sys.path_hooks.insert(0, hook(folder))
    sys.path_importer_cache.clear()
    module = types.ModuleType("__main__")
    module.__file__ = script
    sys.modules["__main__"] = module
    exec(Loader("__main__", script).get_code("__main__"), module.__dict__)


main()
