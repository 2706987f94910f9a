"""Applications and packages whose own tests are run on sketch: which of them, and what of them.

The tests are those of the source distribution of the version that is installed, unchanged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Application:
    """Tests of one distribution.

    ``tests``
        the files or folders that have to do with its server.
    ``at_least``
        tests that have to pass on aiohttp, so that a run that ran nothing is noticed.
    ``options``
        for pytest.
    ``differing``
        tests that pass on aiohttp and cannot on sketch, and are not run there; each with the difference that
        it meets, which docs/aiohttp.md has, too.
    """

    distribution: str
    tests: tuple[str, ...]
    at_least: int
    options: tuple[str, ...] = ()
    differing: Mapping[str, str] = field(default_factory=dict)


APPLICATIONS = (
    Application("aiogram", ("tests/test_webhook",), 20, ("--confcutdir=tests/test_webhook",)),
    Application("aiohttp-cors", ("tests/unit", "tests/integration/test_main.py"), 90),
    Application("aiohttp-jinja2", ("tests",), 30),
    Application(
        "aiohttp-security",
        (
            "tests/test_cookies_identity.py",
            "tests/test_dict_autz.py",
            "tests/test_no_auth.py",
            "tests/test_no_identity.py",
            "tests/test_session_identity.py",
        ),
        15,
    ),
    Application(
        "aiohttp-session",
        (
            "tests/test_abstract_storage.py",
            "tests/test_cookie_storage.py",
            "tests/test_encrypted_cookie_storage.py",
            "tests/test_get_session.py",
            "tests/test_http_exception.py",
            "tests/test_path_domain.py",
            "tests/test_response_types.py",
            "tests/test_session_middleware.py",
        ),
        30,
        # Its configuration starts databases.
        ("--noconftest",),
    ),
    Application(
        "aiohttp-sse",
        ("tests",),
        58,
        differing={
            "test_abort_when_transport_already_gone": "a client that has closed its half of the connection "
            "may wait for its answer: request.protocol.transport stays until that is complete"
        },
    ),
    Application("aiojobs", ("tests",), 55),
    Application("aresponses", ("tests",), 25),
    Application("black", ("tests/test_blackd.py",), 35),
    Application("prometheus-async", ("tests",), 28),
    Application(
        "python-engineio",
        ("tests/async/test_aiohttp.py", "tests/async/test_server.py"),
        85,
        differing={
            "test_translate_request": "it makes a web.Request out of the six parts that aiohttp's requests "
            "are made of"
        },
    ),
    Application("xandikos", ("tests/test_api.py", "tests/test_auth.py", "tests/test_webdav_push.py"), 83),
)
