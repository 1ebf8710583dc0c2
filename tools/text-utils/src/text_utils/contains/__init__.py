"""`contains`: whether a needle is in a file, and where first."""
