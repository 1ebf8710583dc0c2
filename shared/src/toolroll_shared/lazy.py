"""A package's public names, each imported from its module when somebody first asks for it.

A command's `--help` runs its package's `__init__`; with this it loads no heavy library there.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def exports(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """Return the module-level `__getattr__` (PEP 562) for `package`.

    Args:
        package: the package's `__name__`.
        homes: public name -> submodule that defines it.
    """

    def getattr_(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        import sys
        from importlib import import_module

        value = getattr(import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return getattr_
