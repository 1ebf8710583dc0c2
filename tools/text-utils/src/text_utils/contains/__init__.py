"""The `contains` command."""
