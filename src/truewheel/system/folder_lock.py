"""Locks on folders for one process: the kernel releases them when it ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from truewheel.errors import stop


@contextmanager
def held(folders: Iterable[Path], hint: str) -> Iterator[None]:
    """Lock folders, which must exist. Raises `Stop` (exit 2) when another process has locked one.

    On a file system without such locks, nothing is locked.
    """
    with ExitStack() as stack:
        known = set()
        for folder in folders:
            opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            stack.callback(os.close, opened)
            status = os.fstat(opened)
            if (status.st_dev, status.st_ino) in known:  # a lock keeps out its own process, too
                continue
            known.add((status.st_dev, status.st_ino))
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise stop(str(folder), "another run is at work in this folder", hint) from None
            except OSError:  # NFS may have none for folders
                continue
        yield
