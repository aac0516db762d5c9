"""Regular expressions between slashes, as GitLab takes them.

The syntax of RE2, which has no look-around.
"""

from __future__ import annotations

import re

from truewheel.forges.gitlab import limits

DELIMITED = re.compile(r"/(?P<pattern>.*)/(?P<flags>[ismU]*)", re.DOTALL)

_POSIX = re.compile(
    "alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit"
)
_CATEGORY = re.compile("C[cfos]?|L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?|Any")
# The scripts of Unicode 15, as RE2 spells them (re2/unicode_groups.cc).
_SCRIPTS = frozenset(
    re.findall(
        r"\w+",
        """
        Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak
        Bengali Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian
        Caucasian_Albanian Chakma Cham Cherokee Chorasmian Common Coptic Cuneiform Cypriot
        Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs
        Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi
        Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic
        Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana
        Kawi Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha
        Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean
        Marchen Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive
        Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean Nag_Mundari
        Nandinagari New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki
        Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian
        Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya Pahawh_Hmong Palmyrene
        Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra
        Sharada Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese
        Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut
        Telugu Thaana Thai Tibetan Tifinagh Tirhuta Toto Ugaritic Vai Vithkuqi Wancho
        Warang_Citi Yezidi Yi Zanabazar_Square
        """,
    )
)
# Letters that RE2 knows after a backslash, outside of [ ] and inside.
_ESCAPES = frozenset("aABbCDdEfnPpQrSstvWwxz")
_ESCAPES_IN_SET = frozenset("aDdfnPprSstvWwx")
_OCTAL = re.compile(r"\\(?:0[0-7]{0,2}|[1-7][0-7]{1,2})")
_HEX = re.compile(r"\\x(?:[0-9A-Fa-f]{2}|\{[0-9A-Fa-f]{1,6}\})")
_UNICODE = re.compile(r"\\[pP](?:\{\^?(?P<long>\w+)\}|(?P<short>[A-Z]))")
_REPEAT = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
_GROUP = r"\?(?:P?<[A-Za-z_]\w*>|[imsU]*(?:-[imsU]+)?[:)])"
_REFUSED = {
    "?=": "look-ahead",
    "?!": "look-ahead",
    "?<=": "look-behind",
    "?<!": "look-behind",
    "?>": "an atomic group",
}


def is_delimited(text: str) -> bool:
    """Return whether a text is written as a regular expression.

    Between slashes, with flags after the last.
    """
    return DELIMITED.fullmatch(text) is not None


def searched(pattern: str, value: str, flags: int = 0) -> bool:
    """Return whether an expression is found in a value.

    A pipeline's expressions meet values here alone, so that what takes too long is given up
    (`cli.time_limit`). Raises `re.error`.
    """
    return re.compile(pattern, flags).search(value) is not None


def fault(text: str) -> str:
    """Return what is wrong with a delimited expression, or nothing. What is hard to tell passes."""
    match = DELIMITED.fullmatch(text)
    return _Reader(match["pattern"]).fault() if match else "is not written between slashes"


def pattern_fault(pattern: str) -> str:
    """Return what is wrong with an expression without slashes, or nothing."""
    return _Reader(pattern).fault()


class _Reader:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.groups = 0
        self.can_repeat = False
        self.fault_found = ""

    def fault(self) -> str:
        while self.at < len(self.pattern) and not self.fault_found:
            self._step(self.pattern[self.at])
        if not self.fault_found and self.groups:
            return "has a ( that nothing closes"
        return self.fault_found

    def _step(self, character: str) -> None:
        if character == "\\":
            self._escape()
        elif character == "[":
            self._set()
        elif character == "(":
            self._open()
        elif character == ")":
            self._close()
        elif character in "*+?" or (character == "{" and _REPEAT.match(self.pattern, self.at)):
            self._repeat(character)
        else:
            self.can_repeat = character != "|"
            self.at += 1

    def _escape(self) -> None:
        if self.pattern.startswith("\\Q", self.at):
            end = self.pattern.find("\\E", self.at)
            self.at = len(self.pattern) if end < 0 else end + 2
        else:
            self._read_escape(_ESCAPES)
        self.can_repeat = True

    def _read_escape(self, letters: frozenset[str]) -> None:
        """Go behind a backslash and what belongs to it."""
        following = self.pattern[self.at + 1 : self.at + 2]
        if octal := _OCTAL.match(self.pattern, self.at):
            self.at = octal.end()
        elif following in {"p", "P"}:
            self._unicode_class()
        elif following == "x":
            self._known(_HEX, "\\x without two hexadecimal digits")
        elif not following:
            self.fault_found = "ends with a single backslash"
        elif following in "123456789":
            self.fault_found = f"has the back-reference \\{following}, which RE2 does not know"
        elif following.isalpha() and following not in letters:
            self.fault_found = f"has \\{following}, which RE2 does not know there"
        else:
            self.at += 2

    def _known(self, form: re.Pattern[str], what: str) -> re.Match[str] | None:
        match = form.match(self.pattern, self.at)
        if match:
            self.at = match.end()
        else:
            self.fault_found = f"has {what}, which RE2 does not know"
        return match

    def _unicode_class(self) -> None:
        match = self._known(_UNICODE, "\\p without a name in braces")
        name = match["long"] or match["short"] if match else "Any"
        if name not in _SCRIPTS and not _CATEGORY.fullmatch(name):
            self.fault_found = f"has \\p{{{name}}}, a class that RE2 does not know"

    def _set(self) -> None:
        self.at += 1
        self.at += self.pattern[self.at : self.at + 1] == "^"
        is_first, lowest = True, ""
        while not self.fault_found and (is_first or self._character() != "]"):
            if not self._character():
                self.fault_found = "has a [ that nothing closes"
                return
            lowest = self._set_item(lowest)
            is_first = False
        self.at, self.can_repeat = self.at + 1, True

    def _character(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def _set_item(self, lowest: str) -> str:
        """Go behind one item; `lowest` is the character that a range may begin with."""
        end = self.pattern.find(":]", self.at) if self.pattern.startswith("[:", self.at) else -1
        if end > 0:
            name = self.pattern[self.at + 2 : end].removeprefix("^")
            if not _POSIX.fullmatch(name):
                self.fault_found = f"has [:{name}:], a class that RE2 does not know"
            self.at = end + 2
            return ""
        if self._character() == "\\":
            self._read_escape(_ESCAPES_IN_SET)
            return ""
        if (
            self._character() == "-"
            and lowest
            and self.pattern[self.at + 1 : self.at + 2] not in "]\\["
        ):
            highest = self.pattern[self.at + 1]
            if highest < lowest:
                self.fault_found = f"has the range {lowest}-{highest}, the wrong way round"
            self.at += 2
            return ""
        self.at += 1
        return self.pattern[self.at - 1]

    def _open(self) -> None:
        self.at += 1
        self.can_repeat = False
        if self.pattern[self.at : self.at + 1] != "?":
            self.groups += 1
            return
        for start, what in _REFUSED.items():
            if self.pattern.startswith(start, self.at):
                self.fault_found = f"has {what} ({start}…), which RE2 does not know"
                return
        match = re.compile(_GROUP).match(self.pattern, self.at)
        if not match:
            self.fault_found = "has a group that RE2 does not know: (?…"
            return
        self.groups += not match[0].endswith(")")
        self.at = match.end()

    def _close(self) -> None:
        self.groups -= 1
        if self.groups < 0:
            self.fault_found = "has a ) that nothing opens"
        self.at, self.can_repeat = self.at + 1, True

    def _repeat(self, character: str) -> None:
        if not self.can_repeat:
            self.fault_found = f"repeats nothing: {character}"
            return
        counts = _REPEAT.match(self.pattern, self.at) if character == "{" else None
        if counts and counts[3] and int(counts[3]) < int(counts[1]):
            self.fault_found = f"repeats from {counts[1]} to {counts[3]}, the wrong way round"
            return
        if counts and max(int(counts[1]), int(counts[3] or 0)) > limits.REGEX_REPEAT:
            self.fault_found = f"repeats more than {limits.REGEX_REPEAT} times"
            return
        self.at = counts.end() if counts else self.at + 1
        if self.pattern[self.at : self.at + 1] == "?":
            self.at += 1
        self.can_repeat = False
