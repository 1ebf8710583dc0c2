"""How to reach the API: one frozen value that travels from a command line to the client."""

from dataclasses import dataclass, field
from pathlib import Path

from toolroll_shared.errors import UsageError

API_VERSION = "2022-11-28"
"""The version of GitHub's REST API that this package is written to."""

DEFAULT_API_URL = "https://api.github.com"

DEFAULT_TIMEOUT_S = 30.0
"""One request and its answer; GitHub itself gives up on a request after 10 seconds."""

DEFAULT_RETRIES = 4
"""With full jitter up to 0.5, 1, 2 and 4 s: rides out a restart, not an outage."""

DEFAULT_MAX_WAIT_S = 900.0
"""All throttling waits of a run together; a primary limit may ask for up to an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """How to reach the API.

    Attributes:
        api_url: the API's root, without a slash at the end.
        token: sent as Bearer to that origin only; never shown.
        timeout: seconds for one request, answer included.
        retries: further tries after a passing failure.
        max_wait: seconds that all throttling waits together may take.
        cache: the folder that keeps pages and their ETags; None keeps nothing.
    """

    api_url: str = DEFAULT_API_URL
    token: str | None = field(default=None, repr=False)
    timeout: float = DEFAULT_TIMEOUT_S
    retries: int = DEFAULT_RETRIES
    max_wait: float = DEFAULT_MAX_WAIT_S
    cache: Path | None = None

    def __post_init__(self) -> None:
        """Refuse a token that no header can carry; libraries would quote it in their errors.

        Raises:
            UsageError: without the token.
        """
        if self.token is not None and not is_token(self.token):
            raise UsageError("the GitHub token holds characters that no token has")


def is_token(text: str) -> bool:
    """Tell whether a text could be a token: printable ASCII without blanks."""
    return text.isascii() and text.isprintable() and " " not in text
