"""List a GitHub project's releases: the client, its values, and what selects among them."""

from typing import TYPE_CHECKING

from toolroll_shared.lazy import exports

if TYPE_CHECKING:
    from .answers import NotFound as NotFound
    from .cli import add_client_arguments as add_client_arguments
    from .cli import add_release_arguments as add_release_arguments
    from .cli import client_options as client_options
    from .client import Client as Client
    from .downloads import download_request as download_request
    from .models import Asset as Asset
    from .models import Release as Release
    from .models import Repository as Repository
    from .options import ClientOptions as ClientOptions
    from .select import published_since as published_since
else:
    __getattr__ = exports(
        __name__,
        {
            "Asset": "models",
            "Client": "client",
            "ClientOptions": "options",
            "NotFound": "answers",
            "Release": "models",
            "Repository": "models",
            "add_client_arguments": "cli",
            "add_release_arguments": "cli",
            "client_options": "cli",
            "download_request": "downloads",
            "published_since": "select",
        },
    )

__all__ = [
    "Asset",
    "Client",
    "ClientOptions",
    "NotFound",
    "Release",
    "Repository",
    "add_client_arguments",
    "add_release_arguments",
    "client_options",
    "download_request",
    "published_since",
]
