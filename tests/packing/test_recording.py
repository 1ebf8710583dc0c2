"""The picture of a terminal on the front page."""

import html
import re
from pathlib import Path

from packing.recording import PICTURE, picture, session


def words_in(svg: str) -> list[str]:
    """What a picture shows, with all numbers, and the units behind them, made the same."""
    texts = re.findall(r"<text [^>]*>([^<]*)</text>", svg)
    shown = " ".join(html.unescape(text).replace("\xa0", " ") for text in texts)
    return re.sub(r"[0-9.]+ ?(mo|[a-z]?)\b", "0", shown).split()


def test_the_picture_shows_what_the_commands_say(tmp_path: Path) -> None:
    shown = words_in(PICTURE.read_text())
    assert shown == words_in(picture(list(session(tmp_path))))
    assert {"gh-releases", "repaired", "yes"} <= {*shown}
