"""What sslyze says of the TLS that we make, compared with Mozilla's "intermediate" profile.

sslyze comes with the extra ``scan``, which ``make conformance`` installs. The scan needs nothing but a server
on loopback.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Authority, make_elliptic_key, make_rsa_key

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("sslyze") is None, reason="sslyze is not installed: make conformance does that"
)

PROGRAM = """
import sys
from sketch import web

loop, certificate, key = sys.argv[1:]
web.run_app(
    web.Application(), host="127.0.0.1", port=0, loop=loop, certificate=certificate, key=key, access_log=None
)
"""


def read_configuration() -> str:
    """The configuration of OpenSSL that docs/tls.md shows."""
    page = (ROOT / "docs" / "tls.md").read_text("utf-8")
    found = re.search(r"```ini\n(\s*openssl_conf.*?)```", page, re.DOTALL)
    assert found is not None
    return textwrap.dedent(found[1])


def scan(loop: str, authority: Authority, directory: Path, key: Any, environment: dict[str, str]) -> str:
    """What sslyze finds: its exit code, and its last section."""
    pair = authority.issue("localhost", key=key)
    assert pair.key is not None
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, loop, pair.certificate, pair.key],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    with program:
        assert program.stdout is not None
        port = program.stdout.readline().rpartition(":")[2].split()[0]
        result = subprocess.run(
            [sys.executable, "-m", "sslyze", "--mozilla_config=intermediate",
             f"--certinfo_ca_file={authority.path}", f"--json_out={directory / 'scan.json'}",
             f"localhost:{port}"],
            capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        program.terminate()
    # What could not be scanned would not be found wanting either.
    (server,) = json.loads((directory / "scan.json").read_text())["server_scan_results"]
    assert server["scan_status"] == "COMPLETED"
    assert server["scan_result"]["tls_1_3_cipher_suites"]["result"]["is_tls_version_supported"]
    compliance = result.stdout.partition("COMPLIANCE AGAINST")[2]
    assert compliance, result.stderr
    return compliance


@pytest.mark.parametrize("make_key", [make_rsa_key, make_elliptic_key])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_the_profile_is_intermediate(loop: str, make_key: Any, tmp_path: Path) -> None:
    """With the groups for key exchange that Python cannot be told."""
    configuration = tmp_path / "openssl.cnf"
    configuration.write_text(read_configuration())
    found = scan(loop, Authority(tmp_path), tmp_path, make_key(), {"OPENSSL_CONF": str(configuration)})
    assert ": OK - Compliant." in found, found


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_without_help_only_the_groups_are_more(loop: str, tmp_path: Path) -> None:
    found = scan(loop, Authority(tmp_path), tmp_path, make_elliptic_key(), {})
    issues = [line.strip() for line in found.splitlines() if line.strip().startswith("* ")]
    assert all(issue.startswith("* tls_curves: TLS curves {") for issue in issues), found
    for issue in issues:
        names = set(issue.partition("{")[2].partition("}")[0].replace("'", "").split(", "))
        # Both are stronger than what the profile has.
        assert names <= {"X448", "secp521r1"}
