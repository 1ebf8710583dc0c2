"""Tests of the concurrent fetcher's engine, against real and misbehaving servers."""
