"""The Link header, as GitHub writes it and as RFC 8288 allows it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gh_releases.links import next_link

URLS = st.from_regex(
    r"https://[a-z.]{1,20}(/[a-z0-9,;=%\[\]]{0,12}){0,3}(\?[a-z0-9=&,;]{0,20})?", fullmatch=True
)
RELATIONS = st.sampled_from(
    ["prev", "last", "first", "alternate", "https://example.org/next", "nextish"]
)
SPACE = st.sampled_from(["", " ", "  ", "\t"])
QUOTED = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(
    lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
)
PARAMETERS = st.tuples(st.sampled_from(["title", "type", "anchor", "hreflang", "x"]), QUOTED)


@st.composite
def links(draw: st.DrawFn, relation: st.SearchStrategy[str]) -> tuple[str, str]:
    """A link as it may be written, and its target."""
    url, name = draw(URLS), draw(relation)
    others = draw(st.lists(RELATIONS, max_size=2))
    place = draw(st.integers(0, len(others)))
    relations = " ".join([*others[:place], name, *others[place:]])
    quoted = relations if " " not in relations and draw(st.booleans()) else f'"{relations}"'
    parameters = [f"{key}={value}" for key, value in draw(st.lists(PARAMETERS, max_size=2))]
    key = draw(st.sampled_from(["rel", "REL", "Rel"]))
    parameters.insert(draw(st.integers(0, len(parameters))), f"{key}={quoted}")
    gap = draw(SPACE)
    return f"<{url}>" + "".join(f"{gap};{gap}{one}" for one in parameters), url


@given(
    before=st.lists(links(RELATIONS), max_size=3),
    following=links(st.sampled_from(["next", "NEXT", "Next"])),
    after=st.lists(links(RELATIONS | st.just("next")), max_size=3),
    comma=st.sampled_from([",", ", ", " , ", ",,"]),
)
def test_the_first_link_to_the_next_page_is_found_among_any_others(
    before: list[tuple[str, str]],
    following: tuple[str, str],
    after: list[tuple[str, str]],
    comma: str,
) -> None:
    header = comma.join(text for text, _ in [*before, following, *after])
    assert next_link(header) == following[1]


@given(others=st.lists(links(RELATIONS), max_size=4))
def test_where_no_link_is_to_the_next_page_there_is_none(others: list[tuple[str, str]]) -> None:
    assert next_link(", ".join(text for text, _ in others)) is None


@given(header=st.text(st.sampled_from('<>;,="\\ relnxt\t/:')) | st.text())
def test_any_other_text_is_read_without_harm(header: str) -> None:
    found = next_link(header)
    assert found is None or f"<{found}>" in header


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("", None),
        (
            '<https://a.example/?page=2>; rel="next", <https://a.example/?page=9>; rel="last"',
            "https://a.example/?page=2",
        ),
        (
            '<https://a.example/1>; rel="prev", <https://a.example/2>; rel="next"',
            "https://a.example/2",
        ),
        ("<2>; rel=next", "2"),
        ("<>; rel=next", ""),
        ('<2>; title="a, <1>; rel=next"; rel=next', "2"),
        ('<1>; title="rel=next"', None),
        ("<1>; rel=prev; rel=next", None),  # only the first rel counts
        ("<1>; rel", None),
        ("nonsense, <2>; rel=next", "2"),
        ("<a b>; rel=next, <2>; rel=next", "2"),
        ('<1>; rel="next', None),
        ("<1> rel=next", None),
    ],
)
def test_a_header_by_example(header: str, target: str | None) -> None:
    assert next_link(header) == target


@pytest.mark.parametrize(
    "header",
    [
        "<" * 60_000,
        "<,<" * 20_000,
        '<1>;a="' * 10_000,
        ";" * 60_000,
        "<1>;" * 20_000,
        " ," * 30_000 + "<",
    ],
)
def test_a_hostile_header_takes_no_time(header: str) -> None:
    """It is forty times as long as any that a server can send; quadratic is hours."""
    assert next_link(header * 40) is None
