"""The `normalize` command."""
