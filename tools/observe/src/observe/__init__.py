"""Logs and metrics for every toolroll tool, and for any command."""
