"""Any document that the writer takes is read back as it was."""

from __future__ import annotations

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from truewheel.spec.yaml_writer import Lines, add_remark, render

NASTY = st.sampled_from(
    [
        "on",
        "yes",
        "null",
        "~",
        "=",
        "<<",
        "012",
        "3.10",
        ".5",
        "1:30",
        "0x1f",
        "2026-11-22",
        "!!str",
        "&a",
        "*a",
        "- ",
        "# x",
    ]
)
CHARACTERS = st.characters() | st.sampled_from(
    "'\"\\:#{}[],&*!|>%@`- \t\n\r\x00\x1b\x85\u2028\ufeff\U0001f6de"
)
TEXTS = NASTY | st.text(CHARACTERS, max_size=60) | st.text("ab \n'\"", max_size=200)
MARKED = TEXTS.map(Lines) | TEXTS.map(lambda text: add_remark(text, "it's why: {[#"))
KEYS = (
    NASTY
    | st.text(CHARACTERS, max_size=60)
    | st.from_regex(r"[.A-Za-z0-9_:/-]{1,20}", fullmatch=True)
)
DOCUMENTS = st.dictionaries(
    KEYS,
    st.recursive(
        TEXTS | MARKED | st.booleans() | st.integers(),
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5),
        max_leaves=20,
    ),
    min_size=1,
    max_size=5,
)
RELAXED = settings(suppress_health_check=[HealthCheck.too_slow])


@given(document=DOCUMENTS)
@RELAXED
def test_a_document_is_read_back(document):
    # The loader in Python, since libyaml's does not take \ud800 even where it is escaped.
    assert yaml.load(render(document, "header"), Loader=yaml.SafeLoader) == document


@given(document=DOCUMENTS)
@RELAXED
def test_every_string_is_quoted_and_nothing_is_shared(document):
    text = render(document, "header")
    assert text == render(document, "header")
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        assert not isinstance(event, yaml.AliasEvent)
        assert not getattr(event, "anchor", None)
    plain = [
        token.value
        for token in yaml.scan(text, Loader=yaml.SafeLoader)
        if getattr(token, "plain", False)
    ]
    numbers = [
        word for word in plain if word not in {"true", "false"} and not word.lstrip("-").isdecimal()
    ]
    assert set(numbers) <= set(keys_of(document))


def keys_of(node: object) -> list[str]:
    if isinstance(node, dict):
        return [key for name, child in node.items() for key in (name, *keys_of(child))]
    return [key for child in node for key in keys_of(child)] if isinstance(node, list) else []
