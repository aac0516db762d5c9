"""The start of every Python program that Truewheel starts: launch.py PARENT PROGRAM ARGUMENT...

PROGRAM is a module, or the absolute path of a script; PARENT the number of the process that starts
it. No module comes from the current folder, which may be a stranger's repository or an unpacked
wheel, and none from beside this file. The program ends when its parent does, however that ends:
Linux sends it SIGTERM.
"""

import sys

if not getattr(sys.flags, "safe_path", sys.flags.isolated):
    del sys.path[0]  # the folder of this file, which Python puts there

import os

PACKAGES = os.path.abspath(__file__).removesuffix("/truewheel/system/launch.py")
PR_SET_PDEATHSIG = 1  # prctl(2)
SIGTERM = 15


def main(parent: int, program: str) -> None:
    """Run a program as Python's own command line would run it."""
    _end_with(parent)
    if PACKAGES not in sys.path:  # a checkout, which is not installed
        sys.path.insert(0, PACKAGES)
    import pkgutil  # noqa: F401 (runpy asks for it later, when the folder of a script is there)
    import runpy

    if os.path.isabs(program):
        if not getattr(sys.flags, "safe_path", sys.flags.isolated):
            sys.path.insert(0, os.path.dirname(program))
        runpy.run_path(program, run_name="__main__")
    else:
        runpy.run_module(program, run_name="__main__", alter_sys=True)


def _end_with(parent: int) -> None:
    if sys.platform != "linux":
        return
    try:
        from ctypes import CDLL

        CDLL(None).prctl(PR_SET_PDEATHSIG, SIGTERM)
    except (ImportError, OSError):  # a Python without ctypes, or one that is linked statically
        return
    if os.getppid() != parent:  # it ended before the call
        sys.exit(128 + SIGTERM)


if __name__ == "__main__":
    started_by, name = int(sys.argv[1]), sys.argv[2]
    sys.argv[:3] = [name]
    main(started_by, name)
