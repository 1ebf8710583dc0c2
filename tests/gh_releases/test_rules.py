"""Each rule of waiting, on a clock that only waiting moves: what is said, how long, how often."""

from dataclasses import dataclass, field
from email.utils import formatdate

import pytest

from gh_releases import origin
from tests.gh_releases.conftest import TOKEN, Listing, answering, list_releases
from tests.support import faults
from tests.support.faults import Fault
from tests.support.github import GitHub
from toolroll_shared.errors import Exit

NOW = 1_700_000_000  # 2023-11-14T22:13:20Z
ANONYMOUS = "; set GH_TOKEN for a higher limit"
FULL = "4999/5000 left, resets 23:13:20Z in 60m"
USED_UP = "0/5000 left, resets 23:13:20Z in 60m"


@dataclass
class Clock:
    """The time on both sides; ours may be wrong by `skew` seconds."""

    now: float = NOW
    skew: float = 0

    def server(self) -> float:
        return self.now

    def ours(self) -> float:
        return self.now + self.skew

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A script of faults, and what the client makes of it; the last request succeeds.

    `said` are the beginnings of the lines, `error` that of the last one if it gives up.
    """

    name: str
    script: list[Fault]
    waits: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    error: str | None = None
    code: Exit = Exit.OK
    max_wait: float = 900
    retries: int = 4
    token: str | None = TOKEN
    skew: float = 0
    requests: int | None = None


def limited(kind: str, detail: str, seconds: float, tail: str = "") -> str:
    return f"{kind} rate limit met ({detail}): waiting {seconds:.0f} s{tail}"


def gave_up(kind: str, detail: str, seconds: float, budget: float, tail: str = "") -> str:
    return (
        f"{kind} rate limit met ({detail}): waiting {seconds:.0f} s more would pass "
        f"the {budget:g} s of --max-wait{tail}"
    )


def again(problem: str, seconds: float) -> str:
    return f"{problem}; trying again in {seconds:.1f} s"


HTTP_DATE = formatdate(NOW + 90, usegmt=True)
SECONDARY = faults.throttled(secondary=True)

RULES = [
    Rule(name="nothing wrong", script=[]),
    # Retry-After comes first, whatever else is said, in seconds or as a date.
    Rule(
        name="Retry-After in seconds",
        script=[faults.throttled(429, retry_after=7, remaining=9)],
        waits=[7],
        said=[limited("requested", "9/5000 left, resets 23:13:20Z in 60m; Retry-After 7 s", 7)],
    ),
    Rule(
        name="Retry-After as a date",
        script=[faults.throttled(retry_after=HTTP_DATE, secondary=True)],
        waits=[90],
        said=[limited("secondary", f"{FULL}; Retry-After 90 s", 90)],
    ),
    Rule(
        name="Retry-After as a date, read on the server's clock",
        script=[faults.throttled(retry_after=HTTP_DATE, secondary=True)],
        waits=[90],
        said=[limited("secondary", f"{FULL}; Retry-After 90 s", 90)],
        skew=-7200,
    ),
    Rule(
        name="Retry-After goes before the reset",
        script=[faults.throttled(retry_after=5)],
        waits=[5],
        said=[limited("primary", f"{USED_UP}; Retry-After 5 s", 5)],
    ),
    Rule(
        name="Retry-After of nothing still waits a second",
        script=[faults.throttled(429, retry_after=0, remaining=9)],
        waits=[1],
        said=[limited("requested", "9/5000 left, resets 23:13:20Z in 60m; Retry-After 0 s", 1)],
    ),
    Rule(
        name="Retry-After of yesterday still waits a second",
        script=[faults.throttled(429, retry_after=formatdate(NOW - 86_400, usegmt=True))],
        waits=[1],
        said=[limited("primary", f"{USED_UP}; Retry-After 0 s", 1)],
    ),
    *(
        Rule(
            name=f"Retry-After {text!r} says nothing",
            script=[faults.throttled(retry_after=text, reset=NOW + 30)],
            waits=[31],
            said=[limited("primary", "0/5000 left, resets 22:13:50Z in 30s", 31)],
        )
        for text in ("soon", "-5", "1e3", "0x10", "\u00b2", "")
    ),
    # Then the primary limit, until its reset and a second more.
    Rule(
        name="the primary limit",
        script=[faults.throttled(reset=NOW + 30)],
        waits=[31],
        said=[limited("primary", "0/5000 left, resets 22:13:50Z in 30s", 31)],
    ),
    Rule(
        name="the primary limit of nobody in particular",
        script=[faults.throttled(reset=NOW + 30)],
        token=None,
        waits=[31],
        said=[limited("primary", "0/5000 left, resets 22:13:50Z in 30s", 31, ANONYMOUS)],
    ),
    Rule(
        name="the primary limit, with our clock a day behind",
        script=[faults.throttled(429, reset=NOW + 30)],
        skew=-86_400,
        waits=[31],
        said=[limited("primary", "0/5000 left, resets 22:13:50Z in 30s", 31)],
    ),
    Rule(
        name="the primary limit, with our clock a day ahead",
        script=[faults.throttled(reset=NOW + 30)],
        skew=86_400,
        waits=[31],
        said=[limited("primary", "0/5000 left, resets 22:13:50Z in 30s", 31)],
    ),
    Rule(
        name="a reset in the past",
        script=[faults.throttled(reset=NOW - 30)],
        waits=[1],
        said=[limited("primary", "0/5000 left, resets 22:12:50Z in 0s", 1)],
    ),
    *(
        Rule(
            name=f"a server's clock that says {date}",
            script=[answering({}, 429, date=date, retry_after="7")],
            waits=[7],
            said=["requested rate limit met (Retry-After 7 s)"],
        )
        for date in (
            "nonsense",
            "Fri, 31 Dec 9999 23:59:59 -1400",
            "Mon, 01 Jan 0001 00:00:00 +1400",
        )
    ),
    Rule(
        name="a server's clock of no zone is in UTC",
        script=[
            answering(
                {},
                403,
                date="Tue, 14 Nov 2023 22:13:20 -0000",
                x_ratelimit_remaining="0",
                x_ratelimit_reset=str(NOW + 30),
            )
        ],
        waits=[31],
        said=["primary rate limit met (0/? left, resets 22:13:50Z in 30s)"],
        skew=86_400,
    ),
    Rule(
        name="used up, and no word of when it resets",
        script=[answering({}, 403, x_ratelimit_remaining="0")],
        waits=[60],
        said=[limited("primary", "0/? left; no time given", 60)],
    ),
    Rule(
        name="a limit by its message alone",
        script=[answering({"message": "API rate limit exceeded for 127.0.0.1."}, 403)],
        waits=[60],
        said=[limited("secondary", "no time given", 60)],
    ),
    # Then the secondary limit, a minute and doubling.
    Rule(
        name="the secondary limit doubles",
        script=[SECONDARY] * 3,
        waits=[60, 120, 240],
        said=[
            limited("secondary", f"{FULL}; no time given", 60),
            limited("secondary", "4998/5000 left, resets 23:13:20Z in 59m; no time given", 120),
            limited("secondary", "4997/5000 left, resets 23:13:20Z in 57m; no time given", 240),
        ],
    ),
    Rule(
        name="the secondary limit as 429",
        script=[faults.throttled(429, secondary=True)],
        waits=[60],
        said=[limited("secondary", f"{FULL}; no time given", 60)],
    ),
    Rule(
        name="its old name",
        script=[answering({"message": "You have triggered an abuse detection mechanism."}, 403)],
        waits=[60],
        said=[limited("secondary", "no time given", 60)],
    ),
    Rule(
        name="429 without a word",
        script=[answering({}, 429)],
        waits=[60],
        said=[limited("secondary", "no time given", 60)],
    ),
    Rule(
        name="a primary limit is no step of that doubling",
        script=[faults.throttled(reset=NOW + 30), faults.throttled(secondary=True)],
        waits=[31, 60],
        said=["primary rate limit met (", "secondary rate limit met ("],
    ),
    # Waits have a budget, and a wait beyond it is not begun.
    Rule(
        name="a wait beyond the budget",
        script=[faults.throttled(reset=NOW + 3600)],
        error=gave_up("primary", USED_UP, 3601, 900),
        code=Exit.TRY_LATER,
    ),
    Rule(
        name="a wait beyond the budget, anonymously",
        script=[faults.throttled(reset=NOW + 3600)],
        token=None,
        error=gave_up("primary", USED_UP, 3601, 900, ANONYMOUS),
        code=Exit.TRY_LATER,
    ),
    Rule(
        name="no budget at all",
        script=[faults.throttled(429, retry_after=1, remaining=9)],
        max_wait=0,
        error=gave_up("requested", "9/5000 left, resets 23:13:20Z in 60m; Retry-After 1 s", 1, 0),
        code=Exit.TRY_LATER,
    ),
    Rule(
        name="several waits share the budget",
        script=[SECONDARY] * 3,
        max_wait=200,
        waits=[60, 120],
        said=["secondary rate limit met (", "secondary rate limit met ("],
        error=gave_up(
            "secondary", "4997/5000 left, resets 23:13:20Z in 57m; no time given", 240, 200
        ),
        code=Exit.TRY_LATER,
    ),
    # Refusals are neither waited for nor tried again.
    Rule(name="401", script=[faults.status(401)], error="octo/tool: ", code=Exit.REFUSED),
    Rule(name="403", script=[faults.status(403)], error="octo/tool: ", code=Exit.REFUSED),
    Rule(name="404", script=[faults.status(404)], error="octo/tool: ", code=Exit.FAILED),
    Rule(name="410", script=[faults.status(410)], error="octo/tool: ", code=Exit.FAILED),
    Rule(name="422", script=[faults.status(422)], error="octo/tool: ", code=Exit.REFUSED),
    Rule(name="451", script=[faults.status(451)], error="octo/tool: ", code=Exit.FAILED),
    # Passing failures are: with full jitter, here half of each ceiling.
    *(
        Rule(
            name=f"{code} once",
            script=[faults.status(code)],
            waits=[0.25],
            said=[again(f"the server answers {code}", 0.2)],
        )
        for code in (408, 500, 502, 503, 504)
    ),
    Rule(
        name="ceilings double",
        script=[faults.status(500)] * 4,
        waits=[0.25, 0.5, 1, 2],
        said=[again("the server answers 500", wait) for wait in (0.25, 0.5, 1, 2)],
    ),
    Rule(
        name="tries end",
        script=[faults.status(500)] * 3,
        retries=2,
        waits=[0.25, 0.5],
        said=[again("the server answers 500", wait) for wait in (0.25, 0.5)],
        error="the server answers 500 (after 3 tries)",
        code=Exit.UNREACHABLE,
    ),
    Rule(
        name="never below Retry-After",
        script=[answering({}, 503, retry_after="20")],
        waits=[20],
        said=[again("the server answers 503", 20)],
    ),
    Rule(
        name="Retry-After beyond the deadline of all tries",
        script=[answering({}, 503, retry_after="301")],
        error="the server answers 503 and asks for 301 s",
        code=Exit.TRY_LATER,
    ),
    Rule(
        name="the deadline of all tries",
        script=[answering({}, 503, retry_after="110")] * 3,
        waits=[110, 110],
        said=[again("the server answers 503", 110)] * 2,
        requests=3,
        error="the server answers 503 and asks for 110 s",
        code=Exit.TRY_LATER,
    ),
    Rule(
        name="half a page",
        script=[faults.truncated_json()],
        waits=[0.25],
        said=[again("the answer is not whole, or no JSON", 0.2)],
    ),
    Rule(
        name="no JSON",
        script=[faults.not_json()],
        waits=[0.25],
        said=[again("the answer is not whole, or no JSON", 0.2)],
    ),
    Rule(
        name="a connection that breaks",
        script=[faults.cut_before_headers()],
        waits=[0.25],
        said=[again("connection failed: ", 0.2)],
    ),
    Rule(
        name="a limit amid failures has tries of its own",
        script=[faults.status(500), faults.throttled(retry_after=7), faults.status(500)],
        retries=1,
        waits=[0.25, 7, 0.25],
        said=[
            again("the server answers 500", 0.2),
            "primary rate limit met (",
            again("the server answers 500", 0.2),
        ],
    ),
]


def run(rule: Rule) -> tuple[Listing, int]:
    clock = Clock(skew=rule.skew)
    with GitHub(token=TOKEN, clock=clock.server) as github:
        github.add_repository("octo/tool").add_release("v1")
        for fault in rule.script:
            github.fault("/releases", fault)
        listing = list_releases(
            github,
            clock=clock.ours,
            random=lambda: 0.5,
            on_sleep=clock.advance,
            token=rule.token,
            max_wait=rule.max_wait,
            retries=rule.retries,
        )
        return listing, len(github.requests)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_of_waiting(rule: Rule) -> None:
    listing, requests = run(rule)
    assert listing.waits == rule.waits
    assert [type(event) for event in listing.events] == [str, float] * len(rule.waits), "in turn"
    assert len(listing.said) == len(rule.said), listing.said
    for line, expected in zip(listing.said, rule.said, strict=True):
        problem, _, rest = expected.partition("; trying again")
        assert problem in line
        assert line.endswith(rest)
    if rule.error is None:
        assert (listing.tags, listing.error) == (["v1"], None)
        assert requests == len(rule.script) + 1
    else:
        assert listing.error is not None
        assert rule.error in str(listing.error)
        assert (listing.error.exit_code, listing.tags) == (rule.code, [])
        assert requests == (rule.requests or len(rule.script))


def test_a_success_between_two_secondary_limits_starts_the_doubling_anew() -> None:
    clock = Clock()
    with GitHub(clock=clock.server) as github:
        repo = github.add_repository("octo/tool")
        for number in range(origin.PAGE_SIZE + 1):
            repo.add_release(f"v{number}")
        for page in ("*per_page=100", "*page=2"):
            github.fault(page, SECONDARY, times=2)
        listing = list_releases(github, clock=clock.ours, on_sleep=clock.advance)
    assert (listing.waits, len(listing.tags)) == ([60, 120, 60, 120], 101)
