"""The `wc_lite` command."""
