"""The TLS of `run_app`: what is refused, and what is reloaded when. The rest is in test_run_app.py."""

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sketch.application import Application
from sketch.runner import run_app
from sketch.runner.tls import find_certificates, find_context, find_reloading
from sketch.tls import Certificates, KeyPair, make_context
from tests.certificates import Authority
from tests.loops import LOOPS


@pytest.fixture
def pair(tmp_path: Path) -> KeyPair:
    return Authority(tmp_path).issue("localhost", common_name="first")


def test_two_files_or_certificates(pair: KeyPair) -> None:
    found = find_certificates(pair.certificate, pair.key)
    assert found is not None and found.certificates[0].common_name == "first"
    assert find_certificates(found, None) is found
    assert find_certificates(None, None) is None
    assert find_context(None, found) is found.context


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key": "key.pem"}, "Certificates have theirs"),
        ({"ssl_context": "a context"}, "two ways to say the same"),
        ({"reload_interval": 0}, "reload_interval must be more than 0"),
        ({"reload_interval": -1}, "reload_interval must not be negative"),
    ],
)
def test_arguments_that_cannot_be_meant(pair: KeyPair, options: dict[str, Any], message: str) -> None:
    if "ssl_context" in options:
        options = {"ssl_context": make_context(pair.certificate, pair.key)}
    with pytest.raises(ValueError, match=message):
        run_app(Application(), certificate=Certificates(pair), **options)


def test_only_the_main_thread_hears_signals(pair: KeyPair) -> None:
    errors: list[ValueError] = []

    def ask() -> None:
        try:
            find_reloading(Certificates(pair), on_sighup=True, interval=None)
        except ValueError as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert "only the main thread" in str(errors[0])


def test_files_that_cannot_be_used_are_one_line_and_exit_code_1(
    pair: KeyPair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as info:
        run_app(Application(), certificate=pair.certificate, key=tmp_path / "missing.pem")
    assert info.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"sketch: {tmp_path / 'missing.pem'}: there is no such file")


# -- reloading -----------------------------------------------------------------------------------------


class Watched(Certificates):
    """Tells when it was reloaded, or could not be."""

    tell: Callable[[bool], None]

    def try_reload(self, *, only_if_changed: bool = False) -> bool:
        done = super().try_reload(only_if_changed=only_if_changed)
        if done or not only_if_changed:
            self.tell(done)
        return done


def reloading(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
    certificates: Watched,
    use: Callable[[asyncio.Queue[bool]], Awaitable[None]],
    **options: Any,
) -> None:
    """Do something while the certificates are reloaded."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        reloads = asyncio.Queue[bool]()

        def tell(done: bool) -> None:
            loop.call_soon_threadsafe(reloads.put_nowait, done)

        certificates.tell = tell
        make = find_reloading(certificates, **{"on_sighup": False, "interval": None, **options})
        assert make is not None
        task = asyncio.ensure_future(make())
        await asyncio.sleep(0)
        async with asyncio.timeout(30):
            await use(reloads)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())


@LOOPS
def test_each_sighup_reloads(new_loop: Any, pair: KeyPair) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGHUP, lambda number, frame: heard.append(number))
    certificates = Watched(pair)

    async def use(reloads: asyncio.Queue[bool]) -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGHUP)
            assert await reloads.get()
        assert pair.key is not None
        os.unlink(pair.key)
        os.kill(os.getpid(), signal.SIGHUP)
        assert not await reloads.get()

    try:
        reloading(new_loop, certificates, use, on_sighup=True)
        # What it meant before, it means again.
        assert heard == []
        os.kill(os.getpid(), signal.SIGHUP)
        assert heard == [signal.SIGHUP]
    finally:
        signal.signal(signal.SIGHUP, before)


@LOOPS
def test_files_that_have_changed_are_noticed(new_loop: Any, pair: KeyPair, tmp_path: Path) -> None:
    certificates = Watched(pair)

    async def use(reloads: asyncio.Queue[bool]) -> None:
        Authority(tmp_path).issue("localhost", common_name="second")
        os.utime(pair.certificate, (0, 0))
        assert await reloads.get()
        while certificates.certificates[0].common_name != "second":
            assert await reloads.get()  # It was looked at between two writes.

    reloading(new_loop, certificates, use, interval=0.01)


def test_nothing_runs_where_nothing_was_asked_for(pair: KeyPair) -> None:
    assert find_reloading(Certificates(pair), on_sighup=False, interval=None) is None
