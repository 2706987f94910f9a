"""`install` for a test run: ``pytest -p sketch.compat.pytest_plugin``, or ``addopts`` in its configuration.

pytest loads what ``-p`` names before the plugins that are installed, some of which import ``aiohttp.web``.
"""

from . import install


def pytest_plugin_registered() -> None:
    """Called for each plugin, this one among the first."""
    install()
