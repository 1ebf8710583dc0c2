"""Files that are hard on whatever reads lines."""

AWKWARD = {
    "empty": b"",
    "newline": b"\n",
    "only-newlines": b"\n" * 1000,
    "no-final-newline": b"a\nb\nc needle",
    "one-line": b"needle\n",
    "nuls": b"a\0b\0needle\0\n\0\0\nneedle\n",
    "cr-cr-lf": b"a\r\r\nneedle\r\nb\rc\r\n",
    "bom": b"\xef\xbb\xbfneedle\nb\n",
    "utf-16": "a\nneedle\n".encode("utf-16"),
    "invalid-utf-8": b"\xff\xfe needle \xc3\nneedl\xe9\n\x80\n",
    "unicode": "straße needle\nSTRASSE NEEDLE\n\u212aelvin İ\n".encode(),
    "huge-line": b"x" * 3_000_000 + b"needle" + b"y" * 3_000_000 + b"\nneedle\n",
    "many-hits": b"needleneedle needle\n" * 2000,
    "every-other": b"a needle\nnothing\n" * 30_000,
    "rare": b"nothing to see here\n" * 50_000 + b"needle\n" + b"nothing\n" * 50_000,
    "long-end": b"a\n" * 10 + b"needle" * 100_000,
}
