from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from truewheel.errors import Problem, Stop
from truewheel.spec import yaml_source
from truewheel.spec.yaml_source import Document


def found_in(raw: bytes) -> tuple[Problem, ...]:
    try:
        return yaml_source.load(yaml_source.decode(raw, "f.yml"), "f.yml").problems
    except Stop as stop:
        return stop.problems


def problems_of(text: str) -> list[str]:
    """Return what is said of a text that is not read as a whole."""
    return list(map(str, found_in(text.encode(errors="surrogatepass"))))


def load(text: str) -> Document:
    document = yaml_source.load(text, "f.yml")
    assert not document.problems
    return document


# decode


def test_a_byte_order_mark_is_not_part_of_the_text():
    assert yaml_source.decode(b"\xef\xbb\xbfa: 1\n", "f.yml") == "a: 1\n"


@pytest.mark.parametrize(
    ("raw", "place", "byte"),
    [
        (b"\xff", "1:1", "ff"),
        (b"a: 1\nb: \xe4\n", "2:4", "e4"),
        ("ä: ü".encode() + b"\xff", "1:5", "ff"),
        (b"\xef\xbb\xbfa: \xff", "1:4", "ff"),
        (b"\x0b\xe2\x80\xa8\r\n\rx\xff", "3:2", "ff"),
        ("a: 1\n".encode("utf-16"), "1:1", "ff"),
        (b"a: \xed\xa0\x80", "1:4", "ed"),
    ],
)
def test_broken_utf8_is_found_at_its_line_and_character(raw: bytes, place: str, byte: str):
    with pytest.raises(Stop) as stopped:
        yaml_source.decode(raw, "f.yml")
    assert (
        str(stopped.value)
        == f"f.yml:{place}: not UTF-8: byte 0x{byte}\n    hint: save the file as UTF-8"
    )


def test_a_file_of_20_mb_is_refused_unread():
    with pytest.raises(
        Stop, match=r"^f\.yml:1:1: too large: more than 2 MiB\n    hint: is this the right file"
    ):
        yaml_source.decode(b"a" * 20_000_000, "f.yml")


def test_a_file_of_just_the_limit_is_read():
    assert len(yaml_source.decode(b"#" * yaml_source.MAX_BYTES, "f.yml")) == yaml_source.MAX_BYTES


# what is read


def test_scalars_are_read_as_yaml_1_1_does_and_dates_stay_text():
    text = "[text, '1', 012, 3.10, yes, ~, 2026-01-02, =, 0x1F, .inf, 1:30, '', null]"
    assert load(text).data == [
        *("text", "1", 10, 3.1, True, None, "2026-01-02", "=", 31, float("inf"), 90, "", None),
    ]


def test_booleans_are_those_of_yaml_1_1():
    assert load("[yes, Yes, TRUE, on, no, Off, FALSE, 'on', y]").data == [
        *[True] * 4,
        *[False] * 3,
        "on",
        "y",
    ]


def test_keys_are_always_text_as_it_was_typed():
    assert load("{3.10: a, true: b, ~: c, 'x y': d, 012: e}").data == {
        "3.10": "a",
        "true": "b",
        "~": "c",
        "x y": "d",
        "012": "e",
    }


def test_block_and_quoted_text_keep_their_lines():
    assert load('a: |\n  one\n  two\nb: "x\\ty\\n"\n').data == {"a": "one\ntwo\n", "b": "x\ty\n"}


# places

TEXT = """\
# a comment
packages:
  ä🙂: {path: x}
  b:
    - one
    - {two: 3.10}
"""


@pytest.mark.parametrize(
    ("route", "value", "key"),
    [
        ((), "2:1", "2:1"),
        (("packages",), "3:3", "2:1"),
        (("packages", "ä🙂"), "3:7", "3:3"),
        (("packages", "ä🙂", "path"), "3:14", "3:8"),
        (("packages", "b", 0), "5:7", "5:7"),
        (("packages", "b", 1, "two"), "6:13", "6:8"),
        (("packages", "b", 7, "absent"), "5:5", "4:3"),
        (("absent", "b"), "2:1", "2:1"),
    ],
)
def test_every_route_has_its_line_and_column(route: tuple[str | int, ...], value: str, key: str):
    document = load(TEXT)
    assert str(document.where(route)) == f"f.yml:{value}"
    assert str(document.where(route, key=True)) == f"f.yml:{key}"


def test_a_plain_scalar_can_be_told_as_it_was_typed():
    document = load("a: 3.10\nb: '3.10'\nc: [x]\n")
    assert [document.raw(["a"]), document.raw(["b"]), document.raw(["c"]), document.raw(["d"])] == [
        *("3.10", None, None, None),
    ]


# what cannot be read


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
def test_an_empty_file_says_how_to_start(text: str):
    assert problems_of(text) == ["f.yml:1:1: the file is empty\n    hint: start with: truewheel: 1"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("\ta: 1\n", "1:1"),
        ("-\ta: 1\n", "1:2"),
        ("a:\n\tb: 1\n", "2:1"),
        ("a:\n  b: 1\n\tc: 2\n", "3:1"),
        ("a:\n  \tb: 1\n  c: 2", "2:3"),
    ],
)
def test_a_tab_is_called_a_tab(text: str, place: str):
    message = "a tab: YAML is indented with spaces\n    hint: replace the tab with spaces"
    assert problems_of(text) == [f"f.yml:{place}: {message}"]


def test_a_tab_elsewhere_is_not_blamed():
    assert "mapping values" in problems_of("a: 'x\ty' # \t\nb: c: d\n")[0]


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("a: b: c\n", "1:5", "quote a text that has a colon"),
        ("a: 'b\nc: 1\n", "2:5", "close the quote"),
        ("a: [b\n", "1:6", "close the bracket"),
        ("a: {b: [}\n", "1:9", "close the bracket"),
        ("a: {b:}\n", "1:6", "put a space after the colon"),
        ("a: %b\n", "1:4", "quote the text"),
        ('a: "\\d"\n', "1:5", "between ' and '"),
        ("- a\nb: c\n", "2:1", "check indentation"),
        ("%YAML 3.0\n---\na: 1\n", "1:1", "check indentation"),
    ],
)
def test_a_syntax_error_has_its_place_and_a_way_out(text: str, place: str, hint: str):
    (problem,) = problems_of(text)
    assert problem.startswith(f"f.yml:{place}: not YAML: ")
    assert hint in problem.partition("hint: ")[2]


def test_an_unclosed_quote_is_told_with_the_line_where_it_begins():
    assert "that begins on line 2)" in problems_of("a: 1\nb: 'x\nc: 2\nd: 3\n")[0]


@pytest.mark.parametrize(
    "character", ["\x00", "\x01", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ufeff", "\ufffe"]
)
def test_invisible_characters_are_refused_raw_and_as_escapes(character: str):
    name = f"U+{ord(character):04X}"
    assert problems_of(f"ä: 1\nb: {character}\n") == [
        f"f.yml:2:4: the character {name} is not allowed here\n    hint: remove it"
    ]
    (problem,) = problems_of(f'a: 1\nb: "x\\u{ord(character):04x}"\n')
    assert problem.startswith(f"f.yml:2:4: the escape of the character {name} is not allowed")


def test_a_lone_surrogate_never_becomes_text():
    (problem,) = problems_of('a: "\\ud800"\n')
    problem.encode()
    assert problem.startswith("f.yml:1:")


def test_all_that_cannot_be_read_is_told_at_once():
    text = (
        "a: 1\na: 2\nb: *x\nc: !!int ''\nd: !x {y: [z]}\n? [k]\n: v\ne: 0x"
        + "f" * 5000
        + "\n---\nf: 1\n"
    )
    assert [problem.partition("\n")[0] for problem in problems_of(text)] == [
        "f.yml:2:1: the key 'a' is here twice, first on line 1",
        "f.yml:3:4: the alias *x: anchors and aliases are not read here",
        "f.yml:4:4: the tag '!!int' is not read here",
        "f.yml:5:4: the tag '!x' is not read here",
        "f.yml:6:3: a key must be a plain word",
        f"f.yml:8:4: '0x{'f' * 56}… cannot be read as a number",
        "f.yml:9:1: a second document: only one is read",
    ]


@pytest.mark.parametrize(
    "number", ["0b_", "0x_", "9" * 5000, "1" + ":59" * 3000, "1" + ":59" * 13 + ".5"]
)
def test_odd_numbers_are_told_or_read_but_never_a_traceback(number: str):
    assert all("cannot be read as a number" in problem for problem in problems_of(f"a: {number}\n"))


def test_what_stands_before_a_syntax_error_is_told_too():
    assert [problem.partition(" ")[0] for problem in problems_of("a: *x\nb: 1\nb: [\n")] == [
        "f.yml:1:4:",
        "f.yml:3:1:",
        "f.yml:3:5:",
    ]


def test_a_bomb_of_anchors_is_refused_before_it_goes_off():
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 30)]
    found = problems_of("l0: &l0 [lol]\n" + "\n".join(levels))
    assert len(found) == 290
    assert found[0] == (
        "f.yml:2:10: the alias *l0: anchors and aliases are not read here\n    hint: write it out"
    )


def test_an_alias_to_what_is_around_it_is_refused():
    assert len(problems_of("a: &a\n  b: *a\n")) == 1


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? [", "!t [", "? {"])
def test_endless_nesting_is_refused(opening: str):
    assert "nested more than 50 levels deep" in problems_of(opening * 500_000)[-1]


def test_nesting_up_to_the_limit_is_read():
    depth = yaml_source.MAX_DEPTH
    assert not problems_of("[" * depth + "]" * depth)
    assert problems_of("[" * (depth + 1)) == [
        "f.yml:1:51: nested more than 50 levels deep\n    hint: write it flatter"
    ]


def test_many_keys_and_their_places_take_linear_time():
    # With a search among all siblings for each place this would take minutes.
    count = 10_000
    document = load("".join(f"k{n}: 1\n" for n in range(count)))
    assert sum(document.where([f"k{n}"]).line for n in range(count)) == count * (count + 1) // 2


# without libyaml


def test_the_slow_loader_reads_the_same(monkeypatch: pytest.MonkeyPatch):
    fast = load(TEXT)
    monkeypatch.setattr(yaml_source, "Loader", yaml.SafeLoader)
    slow = load(TEXT)
    assert slow.data == fast.data
    assert [slow.where(route) for route in slow.places] == [
        fast.where(route) for route in fast.places
    ]
    for text in ("a: [\n", "\ta: 1", "a: *b\n", 'a: "\\ud800"\n', "a: 1\na: 2\n", ""):
        assert problems_of(text)


# any text


@given(st.text(alphabet=st.sampled_from("ab: -[]{}'\"\n\t#&*!|>%@?,~\\\r0.é🙂\u2028\x00\ufeff")))
def test_any_text_is_data_or_problems_within_it(text: str):
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for problem in found_in(text.encode()):
        assert problem.hint
        assert 1 <= problem.where.line <= len(lines)
        assert 1 <= problem.where.column <= len(lines[problem.where.line - 1]) + 1


@given(st.binary(max_size=200))
def test_any_bytes_are_text_or_one_problem(raw: bytes):
    assert all(problem.where.line for problem in found_in(raw))
