"""slowhttptest against a server with default settings, beside an honest client.

It attacks from 127.0.0.1 in its four modes; the honest client asks from 127.0.0.2 all the while. Each
attacker has to be gone within 30 seconds of its first breach of a limit, each honest request to be answered,
the slowest percent of them not to wait three times as long as without an attack, and the server not to grow.
"""

import asyncio
import re
import shutil
from dataclasses import dataclass

from sketch.http.limits import DEFAULT_LIMITS
from tests.soak.child import Child, listen, read_to_end, serving
from tests.soak.honest import Waits, ask_from_outside
from tests.soak.report import Report
from tests.soak.watch import INTERVAL, Watch

PROGRAM = "slowhttptest"
RATE = 200
"""Connections that are opened per second."""

PATIENCE = 30.0
"""Seconds that an attacker may stay after its first breach."""

HOST = "127.0.0.2"
"""Where the honest client asks from."""

QUIET_SECONDS = 20.0
HONEST_RATE = 100.0
GROWTH = 8 * 2**20
"""Bytes by which the server may grow while all attackers are there."""

SHARE = DEFAULT_LIMITS.read_buffer + DEFAULT_LIMITS.write_buffer + 2**16
"""Bytes by which it may grow for each attacker that comes: its buffers, and what a request needs."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_EXIT_STATUS = re.compile(r"Exit status:(.*)")


@dataclass(frozen=True)
class Mode:
    """One way to attack.

    ``options``
        of slowhttptest.
    ``target``
        the path that is asked for.
    ``breach``
        how old a connection is when it breaks a limit first, in seconds.
    """

    name: str
    options: tuple[str, ...]
    target: str
    breach: float


MODES = (
    Mode("slow headers", ("-H", "-i", "5"), "/", DEFAULT_LIMITS.head_timeout),
    Mode("slow body", ("-B", "-i", "5", "-s", "8192"), "/take", DEFAULT_LIMITS.body_grace),
    # The window is small and the reads are, too: the system takes nothing more from the server.
    Mode("slow read", ("-X", "-n", "5", "-z", "32"), "/download/8000000", DEFAULT_LIMITS.send_timeout),
    Mode("slow read of a whole", ("-X", "-n", "5", "-z", "32"), "/whole", DEFAULT_LIMITS.send_timeout),
    # Thousands of ranges make a field line that is too long.
    Mode("ranges", ("-R",), "/whole", 0.0),
)


async def run(mode: Mode, *, connections: int, seconds: int, loop: str) -> Report:
    """Attack a server on this event loop in one mode."""
    report = Report(part=f"{mode.name} ({loop})")
    if shutil.which(PROGRAM) is None:
        report.failures.append(f"{PROGRAM} is not installed (Debian: apt-get install {PROGRAM})")
        return report
    # Long enough for the last that comes to be late.
    length = max(seconds, int(mode.breach + PATIENCE + connections / RATE) + 5)
    async with serving(listen(), loop=loop) as child:
        quiet = await ask_from_outside(child.address, HOST, QUIET_SECONDS, HONEST_RATE)
        watch = Watch(child.address, child.pid, "127.0.0.1")
        watching = asyncio.create_task(watch.run())
        attack = asyncio.create_task(_attack(mode, child, connections, length))
        waits = await ask_from_outside(child.address, HOST, length, HONEST_RATE)
        status = await attack
        watching.cancel()
        after = await child.quiet()
        report.failures += await child.stop()
    report.figures |= {"connections": connections, "seconds": length, "slowhttptest says": status}
    _judge_attackers(report, watch, mode, connections)
    _judge_waits(report, quiet, waits)
    _judge_memory(report, watch, connections, after.resident)
    return report


async def _attack(mode: Mode, child: Child, connections: int, seconds: int) -> str:
    """Run slowhttptest. What it says at the end."""
    url = f"http://{child.address[0]}:{child.address[1]}{mode.target}"
    process = await asyncio.create_subprocess_exec(
        PROGRAM, *mode.options, "-c", str(connections), "-r", str(RATE), "-l", str(seconds), "-u", url,
        "-v", "1", "-p", "5", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output = await read_to_end(process)
    text = _COLOURS.sub("", output.decode("utf-8", "replace"))
    *_, status = ["nothing", *_EXIT_STATUS.findall(text)]
    return str(status).strip()


def _judge_attackers(report: Report, watch: Watch, mode: Mode, connections: int) -> None:
    ages = sorted(seen.age for seen in watch.connections.values())
    bound = mode.breach + PATIENCE + 2 * INTERVAL
    report.figures |= {
        "attackers seen": len(ages),
        "first breach at, s": mode.breach,
        "median stay, s": ages[len(ages) // 2] if ages else 0.0,
        "longest stay, s": ages[-1] if ages else 0.0,
    }
    report.check(not ages or ages[-1] <= bound, f"an attacker stayed longer than {bound} s")
    # Those of a mode that is refused at once come and go between two looks.
    report.check(not mode.breach or len(ages) >= connections * 0.9, f"only {len(ages)} attackers were seen")


def _judge_waits(report: Report, quiet: Waits, waits: Waits) -> None:
    before, beside = quiet.percentile(0.99), waits.percentile(0.99)
    missing = quiet.missing + waits.missing
    report.figures |= {
        "honest answers": len(waits.seconds),
        "honest answers missing": len(missing),
        "p99 quiet, ms": before * 1000,
        "p99 beside it, ms": beside * 1000,
    }
    report.check(not missing, f"honest requests were not answered: {missing[:3]}")
    report.check(beside <= 3 * before, f"the 99th percentile is {beside / before:.1f} times the quiet one")


def _judge_memory(report: Report, watch: Watch, connections: int, after: int) -> None:
    """Flat: from when all attackers are there, until they are gone. Until then, buffers are filled."""
    arrived = max((seen.first for seen in watch.connections.values()), default=0.0)
    before = watch.memory[0][1]
    full = [size for moment, size in watch.memory if moment >= arrived + 2 * INTERVAL]
    peak = max(size for _, size in watch.memory)
    report.figures |= {
        "MiB before": before / 2**20,
        "MiB at most": peak / 2**20,
        "MiB afterwards": after / 2**20,
        "MiB of the system for sockets, at most": max(watch.socket_memory) / 2**20,
    }
    most = before + GROWTH + connections * SHARE
    report.check(peak <= most, f"held {peak / 2**20:.0f} MiB, and {most / 2**20:.0f} would be buffers")
    if full:
        grown = max(full) - full[0]
        report.check(grown <= GROWTH, f"grew by {grown / 2**20:.1f} MiB while the attackers were there")
