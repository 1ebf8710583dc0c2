"""List a GitHub project's releases: the client, its values, and what selects among them."""

from typing import TYPE_CHECKING

from toolroll_shared.lazy import exports

if TYPE_CHECKING:
    from .cli import add_client_arguments as add_client_arguments
    from .cli import client_options as client_options
    from .cli import repository_argument as repository_argument
    from .client import Client as Client
    from .client import NotFound as NotFound
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
            "NotFound": "client",
            "Release": "models",
            "Repository": "models",
            "add_client_arguments": "cli",
            "client_options": "cli",
            "download_request": "downloads",
            "published_since": "select",
            "repository_argument": "cli",
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
    "client_options",
    "download_request",
    "published_since",
    "repository_argument",
]
