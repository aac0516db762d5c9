"""Questions about the settings of a project, and findings: what is the same for every forge.

What a token may not ask is a note, and no failure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from functools import partial
from itertools import count, islice
from typing import Any, NamedTuple, TypeVar

from truewheel.forges.calls import PER_PAGE, Caller, Fault, UnexpectedAnswer
from truewheel.net.retries import ATTEMPTS

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)
SOON = 30
"""Days before its end at which a token is told of."""
MOST = 10_000
"""Records of a list that are looked at."""
WHY = {
    401: "the token is not one that may ask",
    403: "the token may not ask",
    404: "the token may not ask, or this server does not have it",
}

Record = dict[str, Any]
_T = TypeVar("_T")


class Finding(NamedTuple):
    """A wrong setting (error), a risk (warning) or a remark (note), and the next step."""

    topic: str
    severity: str
    message: str
    step: str = ""


class Questions:
    """Asks, and keeps a note of what got no answer. `today` is the date by the server's clock.

    `headers` are those of the last record.
    """

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.notes: list[Finding] = []
        self.today = datetime.now(timezone.utc).date()
        self.headers: Mapping[str, str] = {}

    def one(self, what: str, path: str) -> Record:
        """Return a record, empty where it may not be asked for."""
        record: Record = self._answered(what, lambda: self._retried(lambda: self._record(path)), {})
        return record

    def known(
        self, what: str, path: str, key: str = "", most: int = MOST, **query: Any
    ) -> list[Record] | None:
        """Return the first records of a list, None where it may not be asked for.

        The list is the whole document, or stands in it under a key.
        """
        records: list[Record] | None
        records = self._answered(
            what, lambda: list(islice(self._listed(path, key, query), most)), None
        )
        return records

    def must(self, path: str) -> Record:
        """Return a record with an id, asked for until the deadline.

        Raises `Fault` where it may not be asked for.
        """

        def ask() -> Record:
            record = self._record(path)
            if not isinstance(record.get("id"), int):
                raise self.caller.unexpected(record, "a record")
            return record

        return self.caller.retry(ask)

    def _listed(self, path: str, key: str, query: Mapping[str, Any]) -> Iterator[Record]:
        for page in count(1):
            page_query = {**query, "per_page": PER_PAGE, "page": page}
            listed = self._retried(partial(self._page, path, key, page_query))
            yield from listed
            if len(listed) < PER_PAGE:
                return

    def _page(self, path: str, key: str, query: Mapping[str, Any]) -> list[Record]:
        return self.caller.records(self.caller.send("GET", path, query).data, key)

    def _retried(self, work: Callable[[], _T]) -> _T:
        """Return what work returns. Raises the `Fault` of the last attempt.

        Other questions may have an answer.
        """
        return self.caller.retry(work, ATTEMPTS)

    def _answered(self, what: str, work: Callable[[], Any], otherwise: Any) -> Any:
        try:
            return work()
        except (
            UnexpectedAnswer
        ) as fault:  # whoever answers is not the forge, or not the whole of it
            raise self.caller.unanswered(fault.reason) from None
        except Fault as fault:
            self.notes.append(
                Finding("not checked", NOTE, f"{what}: {WHY.get(fault.status, fault.reason)}")
            )
            return otherwise

    def _record(self, path: str) -> Record:
        answer = self.caller.send("GET", path)
        if not isinstance(answer.data, dict):
            raise self.caller.unexpected(answer.data, "a record")
        self.headers = answer.headers
        with suppress(TypeError, ValueError):
            self.today = parsedate_to_datetime(answer.headers.get("date", "")).date()
        return answer.data


def sorted_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings, the worst first."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def worst(findings: Sequence[Finding]) -> str:
    """Return the severity of the worst finding."""
    return min((finding.severity for finding in findings), key=SEVERITIES.index, default=NOTE)
