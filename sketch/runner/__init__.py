"""Runners, sites and `run_app`: the edge in which framework and server meet.

`sketch.runner.run` brings up a whole program, `sketch.runner.runners` an application inside a program
that exists already.
"""

from .run import run_app, run_app_locally
from .runners import AppRunner, BaseRunner, GracefulExit, ServerRunner
from .site import BaseSite, NamedPipeSite, SockSite, TCPSite, UnixSite

__all__ = (
    "AppRunner",
    "BaseRunner",
    "BaseSite",
    "GracefulExit",
    "NamedPipeSite",
    "ServerRunner",
    "SockSite",
    "TCPSite",
    "UnixSite",
    "run_app",
    "run_app_locally",
)
