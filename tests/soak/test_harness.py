"""That the soak would notice: each of its instruments, shown what it looks for."""

import asyncio
import gc
import json
import logging
import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sketch.http.heads import ResponseHead
from sketch.net.body import BodyBuffer
from tests.conformance.driver import until
from tests.soak import __main__ as soak
from tests.soak import honest, restarts, slow, watch
from tests.soak.application import checksum
from tests.soak.census import Census, Complaints, differences, take_census
from tests.soak.child import Child, listen, serving
from tests.soak.honest import Honest, Waits
from tests.soak.live import Visits
from tests.soak.report import Report
from tests.soak.watch import Seen, Watch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is left is counted in /proc")

NOTHING = Census(tasks=1, descriptors=5, blocks=100, resident=1000, objects={})


# -- the census --------------------------------------------------------------------------------------------


def test_a_census_finds_what_is_left() -> None:
    async def main() -> list[str]:
        before = take_census()
        task = asyncio.create_task(asyncio.sleep(60))
        body, descriptor = BodyBuffer(), os.open("/dev/null", os.O_RDONLY)
        found = differences(before, take_census())
        os.close(descriptor)
        task.cancel()
        del body
        return found

    found = asyncio.run(main())
    assert [sentence.partition(":")[0] for sentence in found if "asyncio" not in sentence] == [
        "tasks", "descriptors", "instances of sketch.net.body.BodyBuffer",
    ]  # fmt: skip


def test_garbage_is_not_left() -> None:
    async def main() -> list[str]:
        before = take_census()
        for _ in range(100):
            BodyBuffer()
        return differences(before, take_census())

    assert asyncio.run(main()) == []


def test_memory_is_judged_where_there_is_a_bound() -> None:
    more = replace(NOTHING, blocks=200)
    assert differences(NOTHING, more) == differences(NOTHING, more, blocks=100) == []
    assert differences(NOTHING, more, blocks=99) == [
        "memory: 100 more blocks than before, allowed are 99",
    ]


def test_heads_that_are_kept_are_no_leak_unless_they_are_many() -> None:
    name = f"{ResponseHead.__module__}.{ResponseHead.__qualname__}"
    assert differences(NOTHING, replace(NOTHING, objects={name: 64})) == []
    assert differences(NOTHING, replace(NOTHING, objects={name: 65})) != []


def test_complaints_are_collected_wherever_they_end_up(monkeypatch: pytest.MonkeyPatch) -> None:
    complaints = Complaints()
    monkeypatch.setattr("sys.unraisablehook", None)

    class Unhappy:
        def __del__(self) -> None:
            raise RuntimeError("in the finalizer")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        complaints.install(loop)
        logging.getLogger("sketch.server").error("in the log")
        logging.getLogger("sketch.server").info("not worth a word")
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)
        Unhappy()
        gc.collect()

    try:
        asyncio.run(main())
    finally:
        logging.getLogger().removeHandler(complaints)
    log, failure, finalizer = complaints.texts
    assert "in the log" in log and "ZeroDivisionError" in failure and "in the finalizer" in finalizer


# -- the server that is asked ------------------------------------------------------------------------------


def test_the_server_says_what_it_holds_and_how_it_ended() -> None:
    async def main() -> None:
        async with serving(listen()) as child:
            before = await child.quiet()
            with socket.create_connection(child.address):
                while not (await child.census()).connections:
                    pass
                assert any("H1Connection" in line for line in differences(before, await child.census()))
            assert await child.left_behind(before) == []
            assert await child.stop() == []

    asyncio.run(main())


def test_a_server_that_ends_badly_is_told_of() -> None:
    async def main() -> tuple[list[str], int]:
        async with serving(listen()) as child:
            os.kill(child.pid, 9)
            return await child.wait(), child.pid

    (sentence,), _ = asyncio.run(main())
    assert sentence == "the server ended with code -9"


# -- clients -----------------------------------------------------------------------------------------------


class Canned(asyncio.Protocol):
    """A server that says one thing to everybody, and then is gone."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._answer)
        self._transport.close()


async def canned(answer: bytes) -> tuple[asyncio.Server, tuple[str, int]]:
    """A server that answers so."""
    server = await asyncio.get_running_loop().create_server(lambda: Canned(answer), "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()


@pytest.mark.parametrize(
    "answer, complaint",
    [(b"HTTP/1.1 500 Oh\r\n\r\n", "500"), (b"SSH-2.0\r\n", "the answer begins with b'SSH-2.0'")],
)
def test_a_live_series_notices_bad_answers(answer: bytes, complaint: str) -> None:
    async def main() -> list[str]:
        server, address = await canned(answer)
        visits = Visits(address, 1, iter(range(200)))
        await visits.run()
        server.close()
        return visits.failures

    assert any(failure.endswith(complaint) for failure in asyncio.run(main()))


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", b"HTTP/1.1 200 OK\r\n\r\nother"]
)
def test_an_honest_client_notices_what_is_missing(answer: bytes) -> None:
    async def main() -> Waits:
        server, address = await canned(answer)
        client = Honest(address, honest.HOST)
        await client.ask(0, asyncio.get_running_loop().time())
        await client.close()
        server.close()
        return client.waits

    waits = asyncio.run(main())
    assert len(waits.missing) == 1 and waits.seconds == []


def test_percentiles() -> None:
    waits = Waits([float(number) for number in range(100, 0, -1)])
    assert [waits.percentile(share) for share in (0, 0.5, 0.99, 1)] == [1, 51, 100, 100]
    assert Waits().percentile(0.5) != Waits().percentile(0.5)


def test_the_honest_client_of_its_own_process() -> None:
    async def main() -> Waits:
        async with serving(listen()) as child:
            return await honest.ask_from_outside(child.address, honest.HOST, 0.5, 40)

    waits = asyncio.run(main())
    assert waits.missing == [] and len(waits.seconds) == 20


# -- restarts ----------------------------------------------------------------------------------------------


def ask_canned(answer: bytes) -> str:
    """How a request ends that is answered so."""

    async def main() -> str:
        server, address = await canned(answer)
        client = restarts.Client(address)
        await client._connect()
        outcome = await client._ask("quick", 7)
        client._close()
        server.close()
        return outcome

    return asyncio.run(main())


def test_how_a_request_ends() -> None:
    assert ask_canned(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n7") == restarts.ANSWERED
    assert ask_canned(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n8") == restarts.WRONG
    assert ask_canned(b"HTTP/1.1 200 OK\r\nContent-Le") == restarts.CUT
    assert ask_canned(b"") == restarts.CLOSED


def test_bytes_that_a_server_does_not_read_show_as_a_reset() -> None:
    async def main() -> str:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            client = restarts.Client(sock.getsockname())
            await client._connect()
            accepted, _ = sock.accept()
            asking = asyncio.create_task(client._ask("quick", 7))
            while not asking.done():
                await asyncio.sleep(0)
                if accepted.fileno() >= 0 and accepted.recv(1, socket.MSG_PEEK):
                    accepted.close()
            return asking.result()

    assert asyncio.run(main()) == restarts.RESET


def test_missing_answers_are_found_in_the_record() -> None:
    async def main() -> Report:
        load = restarts.Load(("127.0.0.1", 0), 1)
        load.note("quick", 1, restarts.ANSWERED)
        load.note("quick", 2, restarts.CLOSED)
        load.note("wait", 3, restarts.RESET, 4)
        report = Report(part="restarts")
        restarts._judge(report, load, {1, 2})
        return report

    assert asyncio.run(main()).failures == [
        "1 requests had begun and were not answered: [2]",
        "request 3 (wait, the 4. of its connection): reset before the answer",
    ]


# -- attackers ---------------------------------------------------------------------------------------------

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1
   1: 0100007F:1F90 0100007F:A001 01 00000000:00000000 00:00000000 00000000     0        0 12 1
   2: 0100007F:1F90 0100007F:A002 04 00000010:00000000 00:00000000 00000000     0        0 0 1
   3: 0100007F:1F90 0100007F:A003 05 00000000:00000000 00:00000000 00000000     0        0 0 1
   4: 0100007F:1F90 0200007F:A004 01 00000000:00000000 00:00000000 00000000     0        0 13 1
   5: 0100007F:A001 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 14 1
"""


def test_connections_that_cost_something() -> None:
    assert watch.held(TABLE, 8080, "127.0.0.1") == {0xA001, 0xA002}
    assert watch.held(TABLE, 8080, "127.0.0.2") == {0xA004}
    assert watch.held(TABLE, 8081, "127.0.0.1") == set()


def test_memory_of_sockets() -> None:
    statistics = "sockets: used 21\nTCP: inuse 3 orphan 0 tw 5837 alloc 3 mem 2\nUDP: inuse 0 mem 0\n"
    assert watch.socket_memory(statistics) == 2 * os.sysconf("SC_PAGESIZE")


def test_a_watch_sees_a_connection_come_and_go() -> None:
    async def main() -> None:
        async with serving(listen()) as child:
            looking = Watch(child.address, child.pid, "127.0.0.1")
            assert looking.look() == 0
            with socket.create_connection(child.address) as sock:
                await until(lambda: looking.look() == 1)
                assert set(looking.connections) == {sock.getsockname()[1]}
            await until(lambda: looking.look() == 0)
            assert looking.memory[0][1] > 2**20

    asyncio.run(main())


def make_watch(*stays: float, memory: tuple[int, ...] = (0, 0, 0, 0)) -> Watch:
    """A watch that has seen connections stay so long."""
    seen = Watch(("127.0.0.1", 8080), os.getpid(), "127.0.0.1")
    seen.connections = {number: Seen(0.0, stay) for number, stay in enumerate(stays)}
    seen.memory = list(zip((0.0, 5.0, 10.0, 15.0), memory, strict=True))
    seen.socket_memory = [0]
    return seen


def test_attackers_that_stay_are_judged() -> None:
    headers, *_, ranges = slow.MODES
    for mode, stays, is_right in (
        (headers, [45.0, 46.0], True),
        (headers, [45.0, 46.1], False),
        (headers, [46.0], False),
        (ranges, [], True),
        (ranges, [31.1], False),
    ):
        report = Report(part="slow")
        slow._judge_attackers(report, make_watch(*stays), mode, 2)
        assert report.has_passed is is_right, (mode, stays)


def test_an_honest_client_that_waits_is_judged() -> None:
    for quiet, beside, missing, is_right in (
        (1.0, 3.0, [], True),
        (1.0, 3.1, [], False),
        (1.0, 1.0, ["1"], False),
    ):
        report = Report(part="slow")
        slow._judge_waits(report, Waits([quiet]), Waits([beside], missing))
        assert report.has_passed is is_right


@pytest.mark.parametrize(
    "mebibytes, connections, is_right",
    [
        ((0, 50, 58, 0), 1000, True),
        ((0, 50, 59, 0), 1000, False),
        ((0, 7, 8, 0), 0, True),
        ((0, 9, 9, 0), 0, False),
    ],
)
def test_memory_that_grows_is_judged(mebibytes: tuple[int, ...], connections: int, is_right: bool) -> None:
    report = Report(part="slow")
    memory = tuple(size * 2**20 for size in mebibytes)
    slow._judge_memory(report, make_watch(2.0, memory=memory), connections, 0)
    assert report.has_passed is is_right


def test_without_its_program_the_attack_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow, "PROGRAM", "no-such-program")
    report = asyncio.run(slow.run(slow.MODES[0], connections=1, seconds=1, loop="uvloop"))
    assert report.failures == [
        "no-such-program is not installed (Debian: apt-get install no-such-program)",
    ]


# -- the whole ---------------------------------------------------------------------------------------------


def test_the_command_says_what_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "soak.json"
    arguments = ["engine", "idle", "--count", "200", "--idle-connections", "20", "--output", str(output)]
    assert soak.main(arguments) == 0
    assert "all passed" in capsys.readouterr().out
    assert [row["part"] for row in json.loads(output.read_text())] == [
        "engine", "idle (uvloop)", "idle (asyncio)",
    ]  # fmt: skip


def test_a_report_that_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(part="idle", figures={"connections": 10_000, "seconds": 1.5})
    report.check(True, "never said")
    report.check(False, "one is lost")
    assert str(report).splitlines() == [
        "== idle: FAILED",
        "   connections  10 000",
        "   seconds      1.50",
        "   ! one is lost",
    ]
    assert soak._summarize([report], tmp_path) == 1
    assert "FAILED: idle" in capsys.readouterr().out


def test_checksums_tell_bodies_apart() -> None:
    assert checksum(b"ab") != checksum(b"ba") != checksum(b"")


def test_a_child_that_never_starts_is_told_of() -> None:
    async def main() -> Child:
        async with serving(listen(), options={"no_such_option": 1}) as child:
            return child

    with pytest.raises(ChildProcessError, match="the server ended with code 1"):
        asyncio.run(main())
