"""What every carrier of an `Exchange` owes a handler, as tests.

This is the contract in the docstrings of ``sketch/http/exchange.py``, told a second time. A carrier is
held to it by a test module of a few lines: a `Client` that plays the far end of one request (`driver`),
and a class ``Test...(ExchangeConformance)`` whose `open` serves that request. ``test_memory_exchange.py``
is the shortest example.

The tests see nothing of a carrier but the two interfaces, and cut no corner with time: they wait for
events, or turn the loop until something is true. Pieces of a body may arrive cut and joined in any way.
"""

from .answer import AnswerConformance
from .driver import Client, Opening, Received, settle, until
from .exits import ExitConformance
from .files import FileConformance
from .request import RequestConformance

__all__ = ("Client", "ExchangeConformance", "Opening", "Received", "settle", "until")


class ExchangeConformance(RequestConformance, AnswerConformance, FileConformance, ExitConformance):
    """The whole suite. To be derived from; see `Stage` for what a carrier fills in."""
