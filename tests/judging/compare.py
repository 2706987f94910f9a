"""What a server made of some bytes, held against what they say."""

from tests.judging.echo import Outcome, Read
from tests.judging.reference import Ending, Reading


def compare(reading: Reading, outcome: Outcome) -> str | None:
    """In words, where a server did not do what the reading asks for; ``None`` where it did."""
    meant = [Read(message.method, message.target, message.body) for message in reading.messages]
    accepted = list(outcome.accepted)
    if reading.ending is Ending.TUNNEL:
        # What a CONNECT carries has no meaning that all agree on (RFC 9110, section 9.3.6).
        meant[-1:], accepted[len(meant) - 1 :] = [], []
    if accepted != meant:
        return f"it read {accepted} where {meant} is said"
    return _compare_ends(reading, outcome)


def _compare_ends(reading: Reading, outcome: Outcome) -> str | None:
    ending = reading.ending
    if ending is Ending.TUNNEL:
        return None
    if ending is not Ending.INVALID:
        if outcome.refusal is not None:
            return f"it refused ({outcome.refusal}) what has no fault"
        if outcome.is_open != (ending is not Ending.CLOSED):
            return "it stays open after the last request" if outcome.is_open else "it closed too early"
        return None
    assert reading.fault is not None
    if outcome.is_open and not reading.fault.can_wait:
        return f"it does not refuse {reading.fault}"
    if not outcome.is_open and outcome.refusal is None:
        return f"it closed without an answer to {reading.fault}"
    return None
