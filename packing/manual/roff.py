"""The markup of man pages (man(7)): text made safe for it, paragraphs, lists, examples."""

import re
import textwrap

_WIDTH = 68
"""Of a line of source: a longer one with its escapes would be more than linters like."""

_SPECIAL = {"\\": r"\(rs", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}


def escaped(text: str) -> str:
    """Return text as roff prints it, letter by letter."""
    marks = (_SPECIAL.get(mark) or (mark if mark.isascii() else _unicode(mark)) for mark in text)
    return "".join(marks)


def _unicode(mark: str) -> str:
    return f"\\[u{ord(mark):04X}]"


def bold(text: str) -> str:
    """Return text that is to be typed as it stands."""
    return rf"\fB{escaped(text)}\fR"


def italic(text: str) -> str:
    """Return text that stands for another one."""
    return rf"\fI{escaped(text)}\fR"


def line(text: str) -> str:
    """Return a line that is no request, however it begins."""
    return rf"\&{text}" if text.startswith((".", "'")) else text


def prose(text: str) -> list[str]:
    """Return the lines of a paragraph; what stands in backticks or ** is bold."""
    plain = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", " ".join(text.split()))
    wrapped = textwrap.wrap(plain, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return [line(one) for one in _emphasised("\n".join(wrapped)).splitlines()]


def _emphasised(text: str) -> str:
    parts = re.split(r"(`[^`]+`|\*\*[^*]+\*\*)", text)
    return "".join(
        bold(one.strip("`*")).replace("\n", "\\fR\n\\fB") if place % 2 else escaped(one)
        for place, one in enumerate(parts)
    )


def item(tag: str, text: str) -> list[str]:
    """Return an entry of a list; its tag is markup."""
    return [".TP", line(tag), *prose(text)]


def example(text: str) -> list[str]:
    """Return lines as they are."""
    return [".PP", ".RS 4", ".nf", *(line(escaped(one)) for one in text.splitlines()), ".fi", ".RE"]


def description(text: str) -> list[str]:
    """Return what a parser says of itself: paragraphs, and indented lists of two columns."""
    lines = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        rows = [re.match(r"  (\S.*?) {2,}(\S.*)", one) for one in paragraph.splitlines()]
        if all(rows):
            lines += [one for row in rows if row for one in item(bold(row[1]), row[2])]
        else:
            lines += [".PP", *prose(paragraph)]
    return lines
