"""Man pages: of the parsers' own words, and of the READMEs' examples and exit codes."""
