"""Text that is hard on whatever compares without regard to case."""

from hypothesis import strategies as st

TRICKY = (
    "sSßẞſiIİıkK\u212afﬁﬃﬀﬆtΣσςΐι\u0307\u0308\u0301Ω\u2126ŉʼnaʾẚéÉ日Жж𐐀𐐨😀 ᾳΆǰj\u030cևեւµμÅå\u212b?"
)
"""Letters whose folded form is longer, shorter, or shared by several."""


def tricky_text(min_size: int = 0, max_size: int = 40) -> st.SearchStrategy[str]:
    """Text of few different letters, so that a needle is often there."""
    return st.sets(st.sampled_from(TRICKY), min_size=1, max_size=6).flatmap(
        lambda letters: (
            st.text([*sorted(letters), "\n"], min_size=min_size, max_size=max_size)
            if min_size == 0
            else st.text(st.sampled_from(TRICKY), min_size=min_size, max_size=max_size)
        )
    )


def tricky_bytes(max_size: int = 60) -> st.SearchStrategy[bytes]:
    """The same with bytes among them that are no UTF-8, and characters cut anywhere."""
    piece = st.one_of(tricky_text(max_size=6).map(str.encode), st.binary(max_size=3))
    return st.lists(piece, max_size=12).map(b"".join).map(lambda text: text[:max_size])
