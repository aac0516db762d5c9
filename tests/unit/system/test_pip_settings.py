"""Pip's settings as variables for uv."""

from __future__ import annotations

from truewheel.system import pip_settings

LISTED = """\
:env:.no-index='1'
global.index-url='https://one.example/simple'
global.find-links='/a\\n/b'
global.timeout='60'
install.index-url='https://two.example/simple'
download.index-url='https://other.example/simple'
"""


def test_what_holds_for_install_is_handed_over() -> None:
    settings = pip_settings.parse(LISTED)
    assert settings["index-url"] == "https://two.example/simple"
    assert pip_settings.uv_variables(settings) == {
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_DEFAULT_INDEX": "https://two.example/simple",
        "UV_FIND_LINKS": "/a,/b",
        "UV_NO_INDEX": "1",
    }


def test_what_uv_cannot_be_told_is_left_to_pip() -> None:
    assert pip_settings.uv_variables({"no-binary": ":all:"}) is None
    assert pip_settings.uv_variables({"constraint": "c.txt"}) is None
    assert pip_settings.uv_variables({"constraint": "c.txt"}, {"constraint"}) is not None
