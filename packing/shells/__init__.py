"""Completions for bash, zsh and fish: static scripts that start nothing to find an answer."""
