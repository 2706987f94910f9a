"""Every attack is refused and its connection closed, or means to us the one thing that it means."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import pytest
import uvloop

from tests.judging.echo import Failures, Outcome, make_server, send_in_memory, send_over_socket
from tests.net.stage import run
from tests.protocol.h1.transcript import one_by_one
from tests.smuggling.attack import REFUSALS, Attack, Verdict
from tests.smuggling.corpus import FOLLOWER, FOLLOWER_READ, make_corpus

AT_ONCE = 16


def judge(attack: Attack, outcome: Outcome) -> str | None:
    """In words, what should not have come of it."""
    if outcome.refusal is not None:
        if attack.verdict is Verdict.READ or outcome.refusal not in REFUSALS:
            return f"refused with {outcome.refusal}"
        if outcome.accepted != attack.before:
            return f"read before it was refused: {outcome.accepted}"
        return "refused, and not closed" if outcome.is_open else None
    if attack.verdict is Verdict.REFUSED:
        return f"not refused, but read as {outcome.accepted}"
    meant = (*attack.before, *attack.reads, *(() if attack.closes else (FOLLOWER_READ,)))
    if outcome.accepted != meant:
        return f"read as {outcome.accepted}"
    return None if outcome.is_open != attack.closes else f"open afterwards: {outcome.is_open}"


Send = Callable[[bytes], Awaitable[Outcome]]


async def find_wrongs(attacks: Iterable[Attack], send: Send) -> list[str]:
    """What should not have come of them, some at a time."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def attempt(attack: Attack) -> str | None:
        async with turns:
            wrong = judge(attack, await send(attack.data + FOLLOWER))
        return wrong and f"{attack.name}: {wrong}\n    {attack.data[:300]!r}"

    found = await asyncio.gather(*[attempt(attack) for attack in attacks])
    return [wrong for wrong in found if wrong]


def tell(wrongs: list[str]) -> None:
    """Fail if there are any, and show some of them."""
    assert not wrongs, "\n".join([f"{len(wrongs)} in all", *wrongs[:20]])


def one_packet(data: bytes) -> Iterable[bytes]:
    return [data]


@pytest.mark.parametrize("cut", [one_packet, one_by_one])
def test_in_memory(cut: Callable[[bytes], Iterable[bytes]]) -> None:
    failures = Failures()
    wrongs: list[str] = []

    async def main() -> None:
        server = make_server(failures)
        wrongs.extend(await find_wrongs(make_corpus(), lambda data: send_in_memory(server, cut(data))))
        await server.shutdown(0)

    run(main)
    tell(wrongs + failures.records)


@pytest.mark.parametrize(
    "new_loop", [asyncio.SelectorEventLoop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
def test_over_sockets(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    failures = Failures()
    wrongs: list[str] = []

    async def main() -> None:
        server = make_server(failures)
        listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
        address = listener.sockets[0].getsockname()

        async def send(data: bytes) -> Outcome:
            outcome = await send_over_socket(address, data)
            # The end of the stream is a part of what was sent: whether it was waited for cannot be seen.
            outcome.is_open = outcome.refusal is None and outcome.accepted[-1:] == (FOLLOWER_READ,)
            return outcome

        wrongs.extend(await find_wrongs(make_corpus(), send))
        listener.close()
        await server.shutdown(10)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    tell(wrongs + failures.records)


def test_the_judge_would_notice() -> None:
    [attack] = [each for each in make_corpus() if each.name == "length/1.1: Content-Length:44"]
    meant = Outcome((*attack.reads, FOLLOWER_READ))
    assert judge(attack, meant) is None
    assert judge(attack, Outcome(attack.reads)) is not None
    assert judge(attack, Outcome(meant.accepted, is_open=False)) is not None
    assert judge(attack, Outcome((), 400, False)) is not None
    [refused] = [each for each in make_corpus() if each.name == "length/1.1: Content-Length: +44"]
    assert judge(refused, Outcome((), 400, False)) is None
    assert judge(refused, Outcome((), 500, False)) is not None
    assert judge(refused, Outcome((), 400, True)) is not None
    assert judge(refused, Outcome((FOLLOWER_READ,), 400, False)) is not None
    assert judge(refused, Outcome()) is not None
