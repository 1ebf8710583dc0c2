"""`logtools tail`."""


def add_arguments(parser: object) -> None:
    """Add."""
