"""The tools and the virtual environments that a run needs: made where they are missing.

The environments are in ``bench/.venv*``, one for each ``requirements*.txt``, and are made anew when that file
changes. wrk and nginx come from Debian's packages; without root they are asked for.
"""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.peers import HERE, ROOT

WORK_DIRECTORY: Final = HERE / ".work"
"""Logs and what servers write; never in the repository."""

_REQUIREMENTS: Final = {"main": "requirements.txt", "robyn": "requirements-robyn.txt"}
_DIRECTORIES: Final = {"main": ".venv", "robyn": ".venv-robyn"}
_PACKAGES: Final = {"wrk": "wrk", "nginx": "nginx-light"}
_HTTP_PACKAGES: Final = (
    *("aiohttp", "blacksheep", "granian", "httptools", "multidict", "sanic", "socketify", "starlette"),
    *("uvicorn", "uvloop", "yarl"),
)
_WEBSOCKET_PACKAGES: Final = (
    *("aiofastnet", "aiohttp", "granian", "picows", "socketify", "uvicorn", "uvloop"),
    *("websockets", "wsproto"),
)
_POLICY: Final = Path("/usr/sbin/policy-rc.d")

_READ_VERSIONS: Final = """
import importlib.metadata, json, sys
print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))
"""


class EnvironmentFailed(Exception):
    """Something without which nothing can be measured is missing."""


@dataclass
class Environment:
    """What there is to measure with.

    ``pythons``
        the interpreter of each virtual environment that could be made.
    ``missing``
        for each environment or program that there is not, why.
    """

    pythons: dict[str, Path] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def prepare(wanted: set[str], programs: set[str]) -> Environment:
    """Make the environments and find the programs. Raises `EnvironmentFailed` without wrk or ``main``."""
    WORK_DIRECTORY.mkdir(exist_ok=True)
    environment = Environment()
    for name in sorted(wanted | {"main"}):
        try:
            environment.pythons[name] = make_virtual_environment(name)
        except subprocess.CalledProcessError as error:
            environment.missing[name] = f"its environment could not be made: {error.stderr.strip()[-300:]}"
    for program in sorted(programs | {"wrk"}):
        reason = find_program(program)
        if reason:
            environment.missing[program] = reason
    for name in ("main", "wrk"):
        if name in environment.missing:
            raise EnvironmentFailed(f"{name}: {environment.missing[name]}")
    return environment


def make_virtual_environment(name: str) -> Path:
    """The interpreter of a virtual environment, which is made if it is not there or not up to date."""
    directory = HERE / _DIRECTORIES[name]
    requirements = HERE / _REQUIREMENTS[name]
    python = directory / "bin" / "python"
    stamp = directory / "installed"
    state = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text() == state:
        return python
    print(f"installing {requirements.name} into {directory.relative_to(ROOT)}", flush=True)
    _run([sys.executable, "-m", "venv", "--clear", str(directory)])
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)]
    _run([str(python), *install])
    stamp.write_text(state)
    return python


def find_program(program: str) -> str | None:
    """Why a program is not there, after an attempt to install it; ``None`` when it is."""
    if shutil.which(program):
        return None
    package = _PACKAGES.get(program, program)
    if os.geteuid() or not shutil.which("apt-get"):
        return f"{program} is not installed (Debian: apt-get install {package})"
    print(f"installing the package {package}", flush=True)
    with _no_services():
        command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", package]
        result = subprocess.run(command, capture_output=True, text=True)
    if shutil.which(program):
        return None
    return f"apt-get could not install {package}: {result.stderr.strip()[-300:]}"


@contextlib.contextmanager
def _no_services() -> Iterator[None]:
    """Keep Debian from starting a service that is being installed: nginx would listen on every address."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()


def describe_machine() -> dict[str, str]:
    """What the figures were measured on."""
    model = "unknown"
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    system = os.uname()
    return {
        "processor": model,
        "cores": str(len(os.sched_getaffinity(0))),
        "kernel": f"{system.sysname} {system.release} {system.machine}",
    }


def describe_versions(environment: Environment, sketches: dict[str, Path]) -> dict[str, str]:
    """Versions of everything that takes part over HTTP; of sketch's checkouts, their commits."""
    versions = _describe_pythons(environment, sketches, _HTTP_PACKAGES)
    if "robyn" in environment.pythons:
        versions |= _package_versions(environment.pythons["robyn"], ["robyn"])
    versions["wrk"] = _output(["wrk", "-v"]).partition("wrk ")[2].split()[0]
    if shutil.which("nginx"):
        versions["nginx"] = _output(["nginx", "-v"]).rpartition("/")[2]
    return versions


def describe_websocket_versions(environment: Environment, sketches: dict[str, Path]) -> dict[str, str]:
    """Versions of everything that takes part over WebSockets, in the same way."""
    return _describe_pythons(environment, sketches, _WEBSOCKET_PACKAGES)


def _describe_pythons(
    environment: Environment, sketches: dict[str, Path], packages: Sequence[str]
) -> dict[str, str]:
    versions = {name: _commit(path) for name, path in sketches.items()}
    versions["Python"] = _output([str(environment.pythons["main"]), "--version"]).removeprefix("Python ")
    return versions | _package_versions(environment.pythons["main"], packages)


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def _package_versions(python: Path, names: Sequence[str]) -> dict[str, str]:
    answer: dict[str, str] = json.loads(_output([str(python), "-c", _READ_VERSIONS, *names]))
    return answer


def _commit(path: Path) -> str:
    return _output(["git", "-C", str(path), "describe", "--always", "--dirty", "--abbrev=10"]) or "not in git"


def _output(command: list[str]) -> str:
    result = subprocess.run(command, capture_output=True, text=True)
    return (result.stdout + result.stderr).strip() if result.returncode in (0, 1) else ""
