"""Records signed with a pipeline's own key.

`prove` can tell them from records that others put into a registry.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from truewheel.errors import stop
from truewheel.system.files import explained

KEY_BYTES = 32
SECRET = "TRUEWHEEL_HANDOVER_SECRET"  # noqa: S105 - the name of a variable
"""A protected variable of the project; where it is set, nobody can sign with the key alone."""
OWN_FILE = 0o600
_HEADER = b"truewheel-hmac-sha256 "


def make_key(file: Path) -> None:
    """Write a new random key, which its owner alone may read.

    Raises `Stop` (exit 2) where that is not allowed.
    """
    with explained(file, "written"):
        file.unlink(missing_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWN_FILE)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(f"{secrets.token_hex(KEY_BYTES)}\n")


def take_key(file: Path, env: Mapping[str, str]) -> bytes:
    """Return the key of a file, and remove the file. Raises `Stop` (exit 2) if it has none."""
    if not file.is_file():
        hint = (
            "this job needs the artifact of the job key; once that has expired, start a new "
            "pipeline"
        )
        raise stop(str(file), "there is no key", hint)
    with explained(file, "read"), file.open("rb") as stream:
        content = stream.read(2 * KEY_BYTES + 2)
    if not re.fullmatch(rb"[0-9a-f]{%d}\n" % (2 * KEY_BYTES), content):
        raise stop(
            str(file),
            "holds no key",
            "it is what hand-over --make-key has written; start a new pipeline",
        )
    with explained(file, "removed"):
        file.unlink()
    key = bytes.fromhex(content.decode("ascii").strip())
    secret = env.get(SECRET, "")
    return hmac.digest(secret.encode(), key, "sha256") if secret else key


def seal(record: bytes, key: bytes, pipeline: str, cell_id: str) -> bytes:
    """Return a record with the signature that it has for this cell in this pipeline."""
    return _HEADER + _signature(record, key, pipeline, cell_id) + b"\n" + record


def unseal(content: bytes, key: bytes, pipeline: str, cell_id: str) -> tuple[bytes, str]:
    """Return the record of a sealed content, and "", or why it is not believed."""
    header, _, record = content.partition(b"\n")
    if not header.startswith(_HEADER):
        return b"", "is not signed"
    if not hmac.compare_digest(header[len(_HEADER) :], _signature(record, key, pipeline, cell_id)):
        return b"", "is not signed for this cell with this pipeline's key"
    return record, ""


def _signature(record: bytes, key: bytes, pipeline: str, cell_id: str) -> bytes:
    # Neither an id of a pipeline nor that of a cell has a line feed, so no two inputs give the same
    # text.
    text = b"\n".join((b"truewheel hand-over", pipeline.encode(), cell_id.encode(), record))
    return hmac.digest(key, text, "sha256").hex().encode("ascii")
