"""What each path of the REST API answers, and the download links of github.com."""

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote, urlencode

from tests.support.github_answers import JSON_TYPE, found, moved, not_found, past_the_cap
from tests.support.github_assets import AssetHost, content_answer
from tests.support.github_data import Asset, Document, Release, Repository, Site
from tests.support.github_http import Request, Response
from tests.support.github_json import (
    asset_json,
    release_body,
    releases_body,
    render,
    repository_json,
)

PAGE_SIZE = 30  # without per_page
MAX_PAGE_SIZE = 100
MAX_RESULTS = 1000  # a list of releases shows no more, and says 422 behind them
ARCHIVE_ENDINGS = {"tarball": ".tar.gz", "zipball": ".zip"}
NO_PAGE = Response(HTTPStatus.NOT_FOUND, {"content-type": "text/plain"}, b"Not Found")


@dataclass(frozen=True)
class Routes:
    """The paths; the caller holds the site's lock."""

    site: Site
    assets: AssetHost
    direct_assets: bool

    def api(self, request: Request, *, trusted: bool) -> Response:
        """Answer `/repos/OWNER/NAME…` and `/repositories/ID…`."""
        match request.path.strip("/").split("/"):
            case ["repos", owner, name, *rest]:
                full_name = f"{unquote(owner)}/{unquote(name)}"
                repository = self.site.find(full_name)
            case ["repositories", number, *rest] if number.isdecimal():
                repository = self.site.by_id.get(int(number))
                full_name = repository.full_name if repository else ""
            case _:
                return not_found()
        if repository is None or (repository.private and not trusted):
            return not_found()
        if full_name.lower() != repository.full_name.lower():
            return moved(self._page_url(request, repository, rest))
        return self._inside(request, repository, rest, trusted=trusted)

    def web(self, request: Request) -> Response:
        """Answer github.com's download links; it takes no tokens, so it shows no secrets."""
        match request.path.strip("/").split("/"):
            case [owner, name, "releases", "download", *tag, file] if tag:
                repository = self.site.find(f"{unquote(owner)}/{unquote(name)}")
            case [owner, name, "archive", "refs", "tags", *tag]:
                repository = self.site.find(f"{unquote(owner)}/{unquote(name)}")
                return self._archive_page(repository, unquote("/".join(tag)))
            case _:
                return NO_PAGE
        if repository is None or repository.private:
            return NO_PAGE
        if f"{unquote(owner)}/{unquote(name)}".lower() != repository.full_name.lower():
            tail = request.target.split("/", 3)[3]
            return moved(f"{self.site.api_url}/{repository.full_name}/{tail}")
        release = repository.tagged(unquote("/".join(tag)))
        asset = release.named(unquote(file)) if release else None
        if asset is None or asset.state != "uploaded":
            return NO_PAGE
        return found(self.assets.signed_url(asset))

    def _archive_page(self, repository: Repository | None, file: str) -> Response:
        for ending in ARCHIVE_ENDINGS.values():
            if repository is not None and not repository.private and file.endswith(ending):
                release = repository.tagged(file.removesuffix(ending))
                if release is not None:
                    return found(self.assets.archive_url(release, ending))
        return NO_PAGE

    def _inside(
        self, request: Request, repository: Repository, rest: list[str], *, trusted: bool
    ) -> Response:
        drafts = trusted and repository.push
        match rest:
            case []:
                return _json(repository.document("", lambda: render(repository_json(repository))))
            case ["tarball" | "zipball" as kind, *ref]:
                tag = unquote("/".join(ref)).removeprefix("refs/tags/")
                release = repository.tagged(tag)
                ending = ARCHIVE_ENDINGS[kind]
                return found(self.assets.archive_url(release, ending)) if release else not_found()
            case ["releases"]:
                return self._releases(request, repository, drafts=drafts)
            case ["releases", "assets", number] if number.isdecimal():
                return self._asset(request, repository, int(number), drafts=drafts)
            case ["releases", number, "assets"] if number.isdecimal():
                return self._assets(request, _selected(repository, [number], drafts=drafts))
            case ["releases", *which]:
                return self._release(_selected(repository, which, drafts=drafts))
        return not_found()

    def _release(self, release: Release | None) -> Response:
        if release is None:
            return not_found()
        key = ("release", release.id)
        return _json(release.repository.document(key, lambda: release_body(release)))

    def _asset(
        self, request: Request, repository: Repository, number: int, *, drafts: bool
    ) -> Response:
        asset = self.site.assets.get(number)
        if asset is None or asset.release.repository is not repository:
            return not_found()
        if asset.release.draft and not drafts:
            return not_found()
        if "application/octet-stream" in request.headers.get("accept", ""):
            return self._content(request, asset)
        key = ("asset", number)
        return _json(repository.document(key, lambda: render(asset_json(asset))))

    def _content(self, request: Request, asset: Asset) -> Response:
        if asset.state != "uploaded":
            return not_found()
        if self.direct_assets:
            return content_answer(request, asset)
        return found(self.assets.signed_url(asset))

    def _releases(self, request: Request, repository: Repository, *, drafts: bool) -> Response:
        releases = repository.ordered(drafts=drafts)
        page, size = _page(request)
        start = (page - 1) * size
        if start >= MAX_RESULTS and len(releases) > MAX_RESULTS:
            return past_the_cap()
        shown = releases[start : min(start + size, MAX_RESULTS)]
        answer = _json(
            repository.document(("releases", drafts, page, size), lambda: releases_body(shown))
        )
        return self._linked(answer, request, repository, ["releases"], len(releases))

    def _assets(self, request: Request, release: Release | None) -> Response:
        if release is None:
            return not_found()
        page, size = _page(request)

        def body() -> bytes:
            shown = list(release.assets.values())[(page - 1) * size : page * size]
            return render([asset_json(asset) for asset in shown])

        key = ("assets", release.id, page, size)
        answer = _json(release.repository.document(key, body))
        rest = ["releases", str(release.id), "assets"]
        return self._linked(answer, request, release.repository, rest, len(release.assets))

    def _linked(
        self,
        answer: Response,
        request: Request,
        repository: Repository,
        rest: list[str],
        total: int,
    ) -> Response:
        page, size = _page(request)
        links = [
            f'<{self._page_url(request, repository, rest, number)}>; rel="{relation}"'
            for relation, number in neighbours(page, -(-total // size))
        ]
        return answer.with_headers({"link": ", ".join(links)}) if links else answer

    def _page_url(
        self, request: Request, repository: Repository, rest: list[str], page: int | None = None
    ) -> str:
        query = {**request.query, "page": str(page)} if page else request.query
        path = "/".join(
            [request.origin or self.site.api_url, "repositories", str(repository.id), *rest]
        )
        return f"{path}?{urlencode(query)}" if query else path


def neighbours(page: int, last: int) -> list[tuple[str, int]]:
    """Return the relations of a page in a list of `last` pages, in GitHub's order."""
    before = [("prev", min(page - 1, last)), ("first", 1)] if page > 1 and last else []
    after = [("next", page + 1), ("last", last)] if page < last else []
    return before[:1] + after + before[1:]


def _selected(repository: Repository, which: list[str], *, drafts: bool) -> Release | None:
    match which:
        case ["latest"]:
            published = repository.ordered(drafts=False)
            return next((release for release in published if not release.prerelease), None)
        case ["tags", *tag] if tag:
            return repository.tagged(unquote("/".join(tag)))
        case [number] if number.isdecimal():
            release = repository.releases.get(int(number))
            return None if release and release.draft and not drafts else release
    return None


def _page(request: Request) -> tuple[int, int]:
    """The page number and size; what is no positive number is as if it were not there."""
    page, size = _number(request, "page"), _number(request, "per_page")
    return page or 1, min(size or PAGE_SIZE, MAX_PAGE_SIZE)


def _number(request: Request, name: str) -> int:
    text = request.query.get(name, "")
    return int(text) if text.isdecimal() else 0


def _json(document: Document) -> Response:
    headers = {
        "content-type": JSON_TYPE,
        "cache-control": "private, max-age=60, s-maxage=60",
        "etag": document.etag,
    }
    return Response(HTTPStatus.OK, headers, document.body)
