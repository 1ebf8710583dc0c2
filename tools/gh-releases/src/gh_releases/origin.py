"""The API's origin: requests go there and nowhere else, and come back as pages.

Redirects of renamed repositories are followed, and pages that were kept are asked after. What
fails, fails: trying again and waiting are `exchange`'s.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import httpx

from toolroll_shared.errors import Refused, Unreachable, UsageError
from toolroll_shared.output import redact_url
from toolroll_shared.secrets import Secrets

from .answers import HIDDEN, NOT_MODIFIED, OK, Answer, parsed, read_answer
from .cache import Cache, Entry, is_etag
from .options import API_VERSION, ClientOptions
from .throttle import Quota, quota_of

T = TypeVar("T")

USER_AGENT = "toolroll-gh-releases"
PAGE_SIZE = 100
"""Items per page: GitHub's maximum, so the fewest requests."""

MAX_REDIRECTS = 5
MAX_REQUEST_IDS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a client asked for so far.

    Attributes:
        requests: all that were answered, redirects and refusals among them.
        not_modified: those that cost no quota because a kept page had not changed.
        received: bytes of their answers, after decompression.
        waited: seconds spent waiting for rate limits.
        capped: whether a list ended at GitHub's 1,000 releases, and there are more.
        quota: what was last told of the primary limit.
        request_ids: GitHub's own ids of the last requests, for its support.
    """

    requests: int = 0
    not_modified: int = 0
    received: int = 0
    waited: float = 0.0
    capped: bool = False
    quota: Quota = field(default=Quota(limit=None, remaining=None, reset=None))
    request_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """A parsed answer, where it came from after all redirects, and which page is next."""

    value: T
    url: httpx.URL
    next_url: httpx.URL | None


class Origin:
    """The API's origin, between `open` and `close`.

    Args:
        options: where it is.
        transport: what carries requests instead of the network.
        notify: told of a cache that cannot be used.

    Attributes:
        usage: what was asked for so far.
        moved: of each repository that redirects, by the name it was asked for: where to.

    Raises:
        UsageError: the API's URL is no address.
    """

    def __init__(
        self,
        options: ClientOptions,
        *,
        transport: httpx.AsyncBaseTransport | None,
        notify: Callable[[str], None],
    ) -> None:
        self.usage = Usage()
        self._options = options
        self._transport = transport
        self.moved: dict[str, str] = {}
        self._root = _address(options.api_url)
        self._cache = Cache(options.cache, token=options.token, notify=notify)
        self._http: httpx.AsyncClient | None = None
        self._secrets = Secrets([options.token or ""])

    def open(self) -> None:
        """Get ready for requests.

        Raises:
            UsageError: a proxy in the environment cannot be used.
        """
        token = self._options.token
        try:
            self._http = httpx.AsyncClient(
                headers={
                    "Accept": "application/vnd.github+json",
                    "Accept-Encoding": "gzip",
                    "User-Agent": USER_AGENT,
                    "X-GitHub-Api-Version": API_VERSION,
                    **({"Authorization": f"Bearer {token}"} if token else {}),
                },
                timeout=self._options.timeout,
                transport=self._transport,
                # A proxy would see a token that travels unencrypted, which loopback allows.
                trust_env=token is None or self._root.scheme != "http",
                verify=ssl.create_default_context(),  # the system's trust store
            )
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            raise UsageError(f"a proxy in the environment cannot be used: {error}") from error

    async def close(self) -> None:
        """Hang up, and tidy the cache."""
        self._cache.close()
        if self._http is not None:
            http, self._http = self._http, None
            await http.aclose()

    def count_wait(self, seconds: float) -> None:
        """Remember a wait for a rate limit."""
        self.usage = replace(self.usage, waited=self.usage.waited + seconds)

    def count_cap(self) -> None:
        """Remember that GitHub's cap ended a list."""
        self.usage = replace(self.usage, capped=True)

    def address(self, path: str) -> httpx.URL:
        """Return the address of a path below the API's root."""
        return self._root.copy_with(path=self._root.path.rstrip("/") + path)

    def without_token(self, text: str) -> str:
        """Return a text that may quote the server, and that our token, without it."""
        return text.replace(self._options.token, HIDDEN) if self._options.token else text

    async def fetch(
        self, url: httpx.URL, kind: type[T], name: str, fields: dict[str, Any]
    ) -> Page[T] | Answer:
        """Return the page at `url`, or the answer that there was instead of one.

        Args:
            url: an address of this origin.
            kind: what the page holds.
            name: the repository that it is about, for messages.
            fields: the action record's, to be filled in.

        Raises:
            Transient: the page is not whole.
            Refused: it leads elsewhere.
            Unreachable: it makes no sense.
            httpx.HTTPError: and the like, if there is no answer.
        """
        for _ in range(MAX_REDIRECTS + 1):
            kept = self._cache.load(str(url), kind)
            answer = await self._request("GET", url, None if kept is None else kept.etag, fields)
            if answer.moved_to is None:
                break
            url = self._own(answer.moved_to, "redirects")
            self.moved[name] = url.path
        else:
            raise Unreachable(f"{redact_url(str(url))}: redirects without end")
        if answer.status == NOT_MODIFIED and kept is not None:
            return await self._kept_page(answer, kept, kind, fields)
        return self._fresh_page(answer, kind) if answer.status == OK else answer

    async def _kept_page(
        self, answer: Answer, kept: Entry[T], kind: type[T], fields: dict[str, Any]
    ) -> Page[T] | Answer:
        """Return a page that has not changed.

        A full page that was the last may have a next one by now: that is told in a header,
        and the ETag is the body's, so the header is asked for; or where that fails, the page.
        """
        self.usage = replace(self.usage, not_modified=self.usage.not_modified + 1)
        next_url = answer.next_page or (httpx.URL(kept.next_url) if kept.next_url else None)
        if next_url is None and _is_full(kept.value) and "link" not in answer.headers:
            head = await self._request("HEAD", answer.url, None, fields)
            if head.status != OK:
                answer = await self._request("GET", answer.url, None, fields)
                return self._fresh_page(answer, kind) if answer.status == OK else answer
            next_url = head.next_page
            if next_url is not None:
                self._keep(kept.value, answer.url, kept.etag, next_url)
        return Page(value=kept.value, url=answer.url, next_url=self._own_next(next_url))

    def _fresh_page(self, answer: Answer, kind: type[T]) -> Page[T]:
        next_url = self._own_next(answer.next_page)
        value = parsed(answer, kind)
        self._keep(value, answer.url, answer.headers.get("etag", ""), next_url)
        return Page(value=value, url=answer.url, next_url=next_url)

    def _keep(self, value: Any, url: httpx.URL, etag: str, next_url: httpx.URL | None) -> None:
        following = None if next_url is None else str(next_url)
        if is_etag(etag) and self.without_token(following or "") == (following or ""):
            self._cache.store(Entry(url=str(url), etag=etag, next_url=following, value=value))

    async def _request(
        self, method: str, url: httpx.URL, etag: str | None, fields: dict[str, Any]
    ) -> Answer:
        if self._http is None:
            raise RuntimeError("the client is not open: use it as `async with client:`")
        headers = {} if etag is None else {"If-None-Match": etag}
        async with self._http.stream(method, url, headers=headers) as response:
            answer = await read_answer(response)
        answer = replace(answer, content=self._secrets.taken_from_bytes(answer.content))
        fields |= {"status": answer.status, "ok": answer.status in {OK, NOT_MODIFIED}}
        fields["bytes"] = fields.get("bytes", 0) + len(answer.content)
        self._count(answer)
        return answer

    def _count(self, answer: Answer) -> None:
        request_id = self.without_token(answer.headers.get("x-github-request-id", ""))
        ids = (*self.usage.request_ids, request_id) if request_id else self.usage.request_ids
        quota = quota_of(answer.headers)
        self.usage = replace(
            self.usage,
            requests=self.usage.requests + 1,
            received=self.usage.received + len(answer.content),
            quota=self.usage.quota if quota.remaining is None else quota,
            request_ids=ids[-MAX_REQUEST_IDS:],
        )

    def _own_next(self, url: httpx.URL | None) -> httpx.URL | None:
        return None if url is None else self._own(url, "has its next page")

    def _own(self, url: httpx.URL, what: str) -> httpx.URL:
        """Return `url` if it is of this origin: the token goes nowhere else."""
        root = self._root
        if (url.scheme, url.raw_host, url.port) != (root.scheme, root.raw_host, root.port):
            raise Refused(
                f"{redact_url(self._options.api_url)}: {what} at another origin, "
                f"{redact_url(str(url))}: not followed"
            )
        return url


def _address(url: str) -> httpx.URL:
    try:
        return httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise UsageError(f"{redact_url(url)}: no address of an API: {error}") from error


def _is_full(value: Any) -> bool:
    return isinstance(value, list) and len(value) >= PAGE_SIZE
