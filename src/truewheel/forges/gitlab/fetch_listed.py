"""Fetch listed wheels from the package registry of a GitLab project with the job's token.

It stands by itself: jobs that publish run it from the repository, and have nothing but Python.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO
from urllib import request
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit

# As in net/retries.py: this file is copied into projects, and imports nothing of Truewheel.
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between the attempts."""
SILENCE = 60.0
"""Seconds that the server may say nothing."""
LINE = re.compile(
    r"[0-9a-f]{64}  (copies/[A-Za-z0-9][A-Za-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._+!-]*\.whl"
)
"""A line of a list: a sum, and a path of those that `prove` writes, which leaves no folder."""
LASTING = frozenset({400, 401, 403, 404})


class Discreet(request.HTTPRedirectHandler):
    """Follows to object storage on another host without the token."""

    def redirect_request(
        self,
        req: request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> request.Request | None:
        """Return the request that goes there."""
        followed = super().redirect_request(req, fp, code, msg, headers, newurl)
        if followed and urlsplit(req.full_url)[:2] != urlsplit(newurl)[:2]:
            followed.headers = {
                name: value for name, value in followed.headers.items() if name != "Job-token"
            }
        return followed


def address(package: str, path: str) -> str:
    """Return where a file of this pipeline is; GitLab takes few characters in a name.

    + stands before the hex of all others.
    """
    pipeline = os.environ.get("TRUEWHEEL_PIPELINE_ID") or os.environ["CI_PIPELINE_ID"]
    name = quote(path, safe="").replace("%", "+")
    parts = (
        "projects",
        os.environ["CI_PROJECT_ID"],
        "packages",
        "generic",
        package,
        pipeline,
        name,
    )
    return "/".join(
        [os.environ["CI_API_V4_URL"].rstrip("/"), *(quote(part, safe="") for part in parts)]
    )


def get(url: str, file: Path) -> None:
    """Get one file, in several attempts. Exits with a message where that is no use."""
    call = request.Request(url, headers={"JOB-TOKEN": os.environ["CI_JOB_TOKEN"]})  # noqa: S310
    opener = request.build_opener(Discreet)
    for pause in (*PAUSES, None):
        fault = ""
        try:
            with opener.open(call, timeout=SILENCE) as answer, file.open("wb") as target:
                shutil.copyfileobj(answer, target)
                if not answer.length:  # a connection that was cut is no error of http.client
                    return
        except (OSError, HTTPException) as error:
            fault = str(error)
            if isinstance(error, HTTPError) and error.code in LASTING:
                break
        if pause is not None:
            time.sleep(pause)
    sys.exit(f"{url}: {fault or 'the answer was cut off'}")


def main(package: str, listed: str) -> None:
    """Get the files that a list names, beside the folder that it is in."""
    for line in Path(listed).read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            if not LINE.fullmatch(line):
                sys.exit(f"{listed}: no line of a list: {line!r}")
            file = Path(listed).parent.parent / line[66:]
            file.parent.mkdir(parents=True, exist_ok=True)
            get(address(package, line[66:]), file)


if __name__ == "__main__":
    main(*sys.argv[1:])
