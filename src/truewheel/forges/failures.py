"""Why a job failed: by the forge's own word for it, and by what the end of its log says."""

from __future__ import annotations

import re
from typing import NamedTuple

from truewheel.forges.base import Job

RUNNER, NETWORK, SCRIPT = "runner", "network", "script"
PASSING = frozenset({RUNNER, NETWORK})
"""Classes of failures that another attempt may be without."""


class Cause(NamedTuple):
    """The class of a failure, and what probably happened, as a sentence without its full stop."""

    kind: str
    told: str


REASONS = {
    "runner_system_failure": Cause(RUNNER, "the runner broke down"),
    "stuck_or_timeout_failure": Cause(
        RUNNER, "no runner took the job in time, or it lost its runner"
    ),
    "api_failure": Cause(RUNNER, "the runner could not talk to the server"),
    "scheduler_failure": Cause(RUNNER, "the server could not assign the job to a runner"),
    "data_integrity_failure": Cause(RUNNER, "the server found the job's data damaged"),
    "runner_provisioning_failure": Cause(RUNNER, "the runner could not be set up"),
    "unknown_failure": Cause(RUNNER, "the server does not know why"),
    "job_execution_timeout": Cause(SCRIPT, "the job took longer than its timeout"),
    "runner_unsupported": Cause(SCRIPT, "the runner is too old for this job"),
    "no_matching_runner": Cause(SCRIPT, "no runner has the job's tags"),
    "missing_dependency_failure": Cause(
        SCRIPT, "artifacts of an earlier job are gone: they expired or were deleted"
    ),
    "ci_quota_exceeded": Cause(SCRIPT, "the compute minutes are used up"),
    "user_blocked": Cause(SCRIPT, "the user who started it is blocked"),
    "protected_environment_failure": Cause(
        SCRIPT, "the user may not deploy to this protected environment"
    ),
    "downstream_bridge_project_not_found": Cause(
        SCRIPT, "the downstream project is not there, or not for this user"
    ),
    "insufficient_bridge_permissions": Cause(
        SCRIPT, "the user may not start the downstream pipeline"
    ),
    "downstream_pipeline_creation_failed": Cause(
        SCRIPT, "the downstream pipeline could not be made"
    ),
}
SIGNS = {
    r"could not resolve host|name or service not known|temporary failure in name resolution": Cause(
        NETWORK, "a host name could not be resolved"
    ),
    r"connection (?:timed out|reset by peer|refused)": Cause(NETWORK, "a connection failed"),
    r"network is unreachable|no route to host": Cause(NETWORK, "a connection failed"),
    r"tls handshake timeout|unexpected eof while reading": Cause(NETWORK, "a connection broke off"),
    r"rpc failed; (?:curl|http)|early eof": Cause(NETWORK, "a connection broke off"),
    r"\b(?:429 too many|502 bad gateway)\b": Cause(NETWORK, "a server was overloaded"),
    r"\b(?:503 service unavailable|504 gateway time-?out)\b|toomanyrequests": Cause(
        NETWORK, "a server was overloaded"
    ),
    r"runner has received a shutdown signal|lost communication with the server": Cause(
        RUNNER, "the runner was lost"
    ),
    r"no space left on device": Cause(RUNNER, "the runner's disk is full"),
    r"out of memory|oom-?kill|killed signal terminated program|exit (?:code|status) 137": Cause(
        SCRIPT, "memory ran out"
    ),
    r"externally-managed-environment": Cause(
        SCRIPT, "pip refuses the system's Python (PEP 668): use a virtual environment"
    ),
    r"too-recent versioned symbols": Cause(
        SCRIPT, "a library needs a newer glibc than the floor has"
    ),
    r"hashes are required|do not match the hashes|hash mismatch": Cause(
        SCRIPT, "a download is not what its hash says"
    ),
    r"no matching distribution found": Cause(
        SCRIPT, "the index has no suitable file of a Python package"
    ),
    r"\b401\b.*unauthori[sz]ed|\b403\b.*forbidden|\bdenied: |authentication required": Cause(
        SCRIPT, "a login was refused"
    ),
    r"manifest unknown|manifest for .* not found|pull access denied|imagepullbackoff": Cause(
        SCRIPT, "the image is not there"
    ),
    r"command not found|no such file or directory": Cause(
        SCRIPT, "a program or a file is not there"
    ),
}
_SIGNS = {re.compile(pattern, re.IGNORECASE): sign_cause for pattern, sign_cause in SIGNS.items()}
_OF_RUNNERS = re.compile(
    r"ERROR: Job failed|Cleaning up|Uploading |Running after_script|WARNING: .*no matching files"
)
LAST = 40
"""Lines at the end of a log that are searched; what stands before belongs to what went well."""


def find_cause(job: Job, log: str) -> Cause:
    """Return why a job failed; a log speaks only where the forge blames the script."""
    known = REASONS.get(job.reason)
    if known:
        return known
    lines = [line[:2000] for line in log.split("\n")[-LAST:]]
    for line in reversed(lines):
        for pattern, sign_cause in _SIGNS.items():
            if pattern.search(line):
                return sign_cause._replace(told=f"{sign_cause.told}: {line.strip()[:160]}")
    if job.reason not in {"", "script_failure"}:
        return Cause(SCRIPT, job.reason.replace("_", " "))
    last = next(
        (line.strip() for line in reversed(lines) if line.strip() and not _OF_RUNNERS.match(line)),
        "",
    )
    return Cause(SCRIPT, f"its script failed: {last[:160]}" if last else "its script failed")
