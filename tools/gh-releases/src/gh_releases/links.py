"""The Link header (RFC 8288): which address is the next page."""

import re

_GAP = re.compile(r"[\s,]*")
_TARGET = re.compile(r"<([^<>\s]*)>")
_PARAMETER = re.compile(r'\s*;\s*([^\s=;,"<>]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?')
_REST = re.compile(r"[^,]*")


def next_link(header: str) -> str | None:
    """Return the target of the first link whose relations include `next`, as it is written.

    What is no link is passed over up to the next comma.
    """
    place = 0
    while place < len(header):
        place = _end_of(_GAP, header, place)
        target = _TARGET.match(header, place)
        if target is None:
            place = _end_of(_REST, header, place)
            continue
        relations, place = _relations(header, target.end())
        if "next" in relations:
            return target[1]
    return None


def _end_of(pattern: re.Pattern[str], text: str, place: int) -> int:
    """Return the end of a match that may be empty."""
    match = pattern.match(text, place)
    return place if match is None else match.end()


def _relations(header: str, place: int) -> tuple[list[str], int]:
    """Return a link's relations, and where its parameters end; only the first `rel` counts."""
    relations: list[str] | None = None
    while parameter := _PARAMETER.match(header, place):
        place = parameter.end()
        if parameter[1].lower() == "rel" and relations is None:
            value = parameter[3] if parameter[2] is None else re.sub(r"\\(.)", r"\1", parameter[2])
            relations = (value or "").lower().split()
    return relations or [], place
