"""`wc-lite`: lines, words, characters and bytes, and what kind of text it is."""
