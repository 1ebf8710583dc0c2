"""What all toolroll commands share, and nothing that knows which of them calls it.

Import the module that you need (`from toolroll_shared.cli import run`): the package itself
loads nothing, so that a command pays only for what it uses.
"""
