"""Tests of every tool, of the shared library, and of the house itself."""
