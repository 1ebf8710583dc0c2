import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from multi_fetch import Job
from multi_fetch.schedule import LOOKAHEAD
from tests.multi_fetch.fetching import MemorySink, fetch_all, job, kind, let_others_run, limits
from tests.multi_fetch.servers import FINE, Count, Gate
from tests.multi_fetch.steps import Held, requests, taking
from tests.support.rawserver import Connection, RawServer, Request, response, sends
from toolroll_shared.retry import Backoff


def jobs_for(server: RawServer, number: int) -> list[Job[MemorySink]]:
    return [job(server.url) for _ in range(number)]


def counted(jobs: Iterable[Job[Any]], pulled: list[int]) -> Iterator[Job[Any]]:
    for number, one in enumerate(jobs):
        pulled.append(number)
        yield one


@pytest.mark.parametrize("cap", [1, 2, 5])
def test_a_host_has_no_more_in_flight_than_its_cap_while_others_go_on(cap: int) -> None:
    gate = Gate()

    async def run(slow: RawServer, fast: RawServer) -> list[str | None]:
        jobs = jobs_for(slow, 3 * cap) + jobs_for(fast, 20)
        async with taking(jobs, limits(concurrency=cap + 1, per_host=cap)) as taker:
            results = await taker.until(20)
            assert {result.job.url for result in results} == {fast.url}
            await requests(slow, cap)
            assert len(slow.requests) == cap
            gate.open()
            return [kind(result) for result in await taker.all()]

    with RawServer(gate) as slow, RawServer(FINE) as fast:
        assert asyncio.run(run(slow, fast)) == [None] * (3 * cap + 20)
    assert gate.inside.most == cap


def test_the_concurrency_and_the_cap_of_each_host_hold_at_the_same_time() -> None:
    everywhere = Count()
    gates = [Gate(FINE, everywhere) for _ in range(3)]

    async def run(servers: list[RawServer]) -> list[str | None]:
        jobs = [one for server in servers for one in jobs_for(server, 8)]
        async with taking(jobs, limits(concurrency=5, per_host=2)) as taker:
            assert await asyncio.to_thread(everywhere.wait_for, 5)
            await let_others_run()
            assert everywhere.now == 5
            for gate in gates:
                gate.open()
            return [kind(result) for result in await taker.all()]

    with RawServer(gates[0]) as a, RawServer(gates[1]) as b, RawServer(gates[2]) as c:
        assert asyncio.run(run([a, b, c])) == [None] * 24
    assert everywhere.most == 5
    assert max(gate.inside.most for gate in gates) == 2


@pytest.mark.parametrize("concurrency", [2, 4])
def test_a_cap_above_the_concurrency_changes_nothing(concurrency: int) -> None:
    gate = Gate()

    async def run(server: RawServer) -> int:
        one = limits(concurrency=concurrency, per_host=99)
        async with taking(jobs_for(server, 20), one) as taker:
            await requests(server, concurrency)
            gate.open()
            return len(await taker.all())

    with RawServer(gate) as server:
        assert asyncio.run(run(server)) == 20
    assert gate.inside.most == concurrency


def test_an_origin_is_one_however_it_is_written() -> None:
    gate = Gate()
    spellings = ["http://h.invalid/a", "HTTP://H.Invalid/b", "http://h.invalid:80/c"]
    spellings += ["http://me:pass@h.invalid:/d", "http://h.invalid?e"]

    async def run(proxy: RawServer) -> int:
        one = limits(concurrency=8, per_host=1, proxy=proxy.url)
        async with taking([*map(job, spellings)], one) as taker:
            await requests(proxy, 1)
            assert len(proxy.requests) == 1
            gate.open()
            return len(await taker.all())

    with RawServer(gate) as proxy:
        assert asyncio.run(run(proxy)) == len(spellings)
    assert gate.inside.most == 1


def test_another_port_or_scheme_is_another_host() -> None:
    gate = Gate()

    async def run(one: RawServer, other: RawServer) -> None:
        async with taking([job(one.url), job(other.url)], limits(per_host=1)):
            await requests(one, 1)
            await requests(other, 1)

    with RawServer(gate) as one, RawServer(gate) as other:
        asyncio.run(run(one, other))
        gate.open()


def test_hosts_take_turns() -> None:
    order: list[str] = []
    held: list[Held] = []

    def answer(name: str) -> Any:
        def answer(connection: Connection, _request: Request) -> None:
            order.append(name)
            connection.send(response(status=500 if order.count(name) <= 4 else 200))

        return answer

    async def run(servers: list[RawServer]) -> None:
        held.append(Held())
        jobs = [one for server in servers for one in jobs_for(server, 4)]
        patient = limits(concurrency=1, backoff=Backoff(tries=2))
        async with taking(jobs, patient, sleep=held[0]) as taker:
            await held[0].until(12)
            held[0].let_go()
            await taker.all()

    with RawServer(answer("a")) as a, RawServer(answer("b")) as b, RawServer(answer("c")) as c:
        asyncio.run(run([a, b, c]))
    assert order[:12] == [*"aaaabbbbcccc"]
    assert order[12:] == [*"abc"] * 4


def test_a_cap_frees_its_place_also_when_a_fetch_fails() -> None:
    failing = sends(response(status=404))
    with RawServer(failing) as server:
        urls = [server.url, "http://127.0.0.1:1", "http://[", "http://nope.invalid"] * 5
        results = fetch_all([*map(job, urls)], limits(concurrency=4, per_host=1))
    assert sorted(map(str, map(kind, results))) == sorted(["http", "connect", "url", "dns"] * 5)


def test_many_lines_of_a_slow_host_do_not_keep_the_others_waiting() -> None:
    gate = Gate()

    async def run(slow: RawServer, fast: RawServer) -> int:
        jobs = jobs_for(slow, LOOKAHEAD) + jobs_for(fast, 5)
        async with taking(jobs, limits(concurrency=2, per_host=1)) as taker:
            results = await taker.until(5)
            assert {result.job.url for result in results} == {fast.url}
            gate.open()
            return len(await taker.all())

    with RawServer(gate) as slow, RawServer(FINE) as fast:
        assert asyncio.run(run(slow, fast)) == LOOKAHEAD + 5


def test_beyond_the_lookahead_no_job_is_taken_until_there_is_room() -> None:
    gate = Gate()
    pulled: list[int] = []

    async def run(slow: RawServer, fast: RawServer) -> int:
        jobs = jobs_for(slow, LOOKAHEAD + 200) + jobs_for(fast, 5)
        few = limits(concurrency=4, per_host=2)
        async with taking(counted(jobs, pulled), few) as taker:
            await requests(slow, 2)
            assert len(pulled) == LOOKAHEAD + 2
            gate.open()
            return len(await taker.all())

    with RawServer(gate) as slow, RawServer(FINE) as fast:
        assert asyncio.run(run(slow, fast)) == LOOKAHEAD + 205


def test_jobs_that_wait_for_another_try_count_against_the_lookahead() -> None:
    pulled: list[int] = []

    async def run(server: RawServer) -> None:
        held = Held()
        jobs = jobs_for(server, LOOKAHEAD + 100)
        patient = limits(concurrency=4, backoff=Backoff(tries=2))
        async with taking(counted(jobs, pulled), patient, sleep=held) as taker:
            await requests(server, LOOKAHEAD)
            assert LOOKAHEAD <= len(pulled) < LOOKAHEAD + 4
            server.answer = FINE
            while len(taker.results) < LOOKAHEAD:
                held.let_go()
                await asyncio.sleep(0)

    with RawServer(sends(response(status=500))) as server:
        asyncio.run(run(server))
