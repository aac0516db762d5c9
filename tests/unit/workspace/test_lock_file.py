"""truewheel.lock: it reads what it wrote, and reports the line of what is no lock."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truewheel.errors import Exit, Stop
from truewheel.workspace import lock_file
from truewheel.workspace.lock_file import Lock

DIGEST = "sha256:" + "a" * 64
PIN = f"truewheel==0.1.0 --hash={DIGEST}"

names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
digests = st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:{}".format)


def refused(text: str) -> list[str]:
    with pytest.raises(Stop) as stopped:
        lock_file.parse(text, "truewheel.lock")
    assert stopped.value.code is Exit.REFUSED
    return [str(problem).splitlines()[0] for problem in stopped.value.problems]


def test_a_lock_reads_like_this():
    lock = Lock({"cuda:13": DIGEST, "base:1": DIGEST}, PIN)
    assert lock_file.write(lock, "Truewheel 0.1.0") == (
        "# Locked by Truewheel 0.1.0. Do not edit: truewheel lock\n\n"
        f"images:\n  base:1: '{DIGEST}'\n  cuda:13: '{DIGEST}'\n\n"
        f"truewheel: '{PIN}'\n"
    )


@given(st.dictionaries(names, digests), st.sampled_from(["", PIN]))
def test_what_is_written_is_read_again(images: dict[str, str], pin: str):
    lock = Lock(images, pin, {}, {"uv": f"1.0 --hash={DIGEST} --hash={DIGEST}"} if pin else {})
    assert lock_file.parse(lock_file.write(lock, "t"), "truewheel.lock") == lock


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]\n", ["truewheel.lock:1:1: not a mapping of images to digests"]),
        ("images: [a]\n", ["truewheel.lock:1:9: not a mapping of images to digests"]),
        ("images:\n  a: latest\n  b: 5\n", ["2:6: 'latest' is no digest", "3:6: 5 is no digest"]),
        (f"images: {{a: {DIGEST}0}}\n", [f"1:13: 'sha256:{'a' * 51}… is no digest"]),
        ("pins: {}\n", ["1:1: unknown key 'pins'"]),
        ("truewheel: truewheel>=1\n", ["1:12: 'truewheel>=1' pins no Truewheel"]),
        (f"truewheel: '{PIN}; --index-url x'\n", ["pins no Truewheel"]),
        ("requirements: {uv: 1.0}\n", ["1:20: 1.0 is no version with hashes"]),
        (f"requirements: {{uv: '1.0 --hash={DIGEST} -i x'}}\n", ["is no version with hashes"]),
        ("images: {\n", ["not YAML"]),
    ],
)
def test_what_is_no_lock_is_reported(text: str, expected: list[str]):
    problems = refused(text)
    assert len(problems) == len(expected)
    assert all(part in line for part, line in zip(expected, problems))


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str):
    with suppress(Stop):
        lock_file.parse(text, "truewheel.lock")
