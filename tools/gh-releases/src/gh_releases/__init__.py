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
    from .downloads import download_wait as download_wait
    from .exchange import Effects as Effects
    from .models import Asset as Asset
    from .models import Release as Release
    from .models import Repository as Repository
    from .options import ClientOptions as ClientOptions
    from .origin import Usage as Usage
    from .select import Selection as Selection
    from .target import Target as Target
    from .target import parse_target as parse_target
    from .throttle import Quota as Quota
else:
    __getattr__ = exports(
        __name__,
        {
            "Asset": "models",
            "Client": "client",
            "ClientOptions": "options",
            "Effects": "exchange",
            "NotFound": "answers",
            "Quota": "throttle",
            "Release": "models",
            "Repository": "models",
            "Selection": "select",
            "Target": "target",
            "Usage": "origin",
            "add_client_arguments": "cli",
            "add_release_arguments": "cli",
            "client_options": "cli",
            "download_request": "downloads",
            "download_wait": "downloads",
            "parse_target": "target",
        },
    )

__all__ = [
    "Asset",
    "Client",
    "ClientOptions",
    "Effects",
    "NotFound",
    "Quota",
    "Release",
    "Repository",
    "Selection",
    "Target",
    "Usage",
    "add_client_arguments",
    "add_release_arguments",
    "client_options",
    "download_request",
    "download_wait",
    "parse_target",
]
