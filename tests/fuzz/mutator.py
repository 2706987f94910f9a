"""Bytes that are nearly requests: the corpus, changed in ways that matter to a parser of HTTP.

Everything follows from the seed: the same seed and number give the same bytes on every machine.
"""

import re
from collections.abc import Callable
from random import Random

from tests.protocol.h1.corpus import GOOD
from tests.protocol.h1.faults import BAD

_CASES = [b"".join(message.wire for message in case) for case in GOOD.values()]
_FAULTS = [fault.wire for fault in BAD.values()]
SHORT = [wire for wire in _CASES if len(wire) < 1500]
LONG = [wire for wire in _CASES + _FAULTS if len(wire) >= 1500]
SHORT_FAULTS = [wire for wire in _FAULTS if len(wire) < 1500]

_WORDS = [
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\r\n ", b"\0", b"\t", b" ", b"\x0b", b"\x7f", b"\x80", b"\xff",
    b":", b",", b";", b'"', b"\\", b"=", b"/", b"*", b"?", b"#", b"%", b"-", b"+", b"_", b"0", b"0x", b"f",
    b"ffffffffffffffff", b"chunked", b"close", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/0.9",
    b"GET ", b"HEAD ", b"POST ", b"CONNECT ", b"OPTIONS * ", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"Host: b\r\n", b"host:\r\n", b"Content-Length: 3\r\n", b"Content-Length: 0\r\n", b"content-length:5\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"transfer-encoding:\tchunked\r\n",
    b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"Connection: upgrade\r\n", b"Upgrade: h2c\r\n",
    b"Proxy-Connection: close\r\n", b"Expect: 100-continue\r\n", b"Trailer: X\r\n", b"X: y\r\n",
    b"0\r\n\r\n", b"5\r\nhello\r\n", b"1;a=b\r\nx\r\n",
]  # fmt: skip
_NUMBERS = [b"0", b"1", b"00", b"-1", b"+1", b"1.0", b"a", b"7fffffffffffffff", b"99999999999999999999", b""]
_NUMBER = re.compile(rb"[0-9]+")
_WORD = re.compile(rb"[A-Za-z-]+")

Mutation = Callable[[Random, bytes], bytes]


def make_input(seed: int, number: int) -> bytes:
    """The input of this number in the series of this seed."""
    random = random_for(seed, number)
    data = _choose(random)
    for _ in range(_how_many(random)):
        data = random.choice(MUTATIONS)(random, data)
    return data


def random_for(seed: int, number: int) -> Random:
    """The source of chance for one input."""
    return Random(seed << 40 | number)


def _choose(random: Random) -> bytes:
    chance = random.random()
    if chance < 0.01:
        return random.choice(LONG)
    if chance < 0.2:
        return random.choice(SHORT_FAULTS)
    if chance < 0.35:
        return random.choice(SHORT) + random.choice(SHORT)
    if chance < 0.45:
        return random.choice(SHORT) * 2
    return random.choice(SHORT)


def _how_many(random: Random) -> int:
    count = 1
    while count < 8 and random.random() < 0.45:
        count += 1
    return count


def _span(random: Random, data: bytes, longest: int = 40) -> tuple[int, int]:
    start = random.randrange(len(data) + 1)
    return start, min(len(data), start + random.randrange(1, longest))


# -- mutations --------------------------------------------------------------------------------------------


def flip_bit(random: Random, data: bytes) -> bytes:
    if not data:
        return data
    place = random.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << random.randrange(8)]) + data[place + 1 :]


def insert_word(random: Random, data: bytes) -> bytes:
    place = random.randrange(len(data) + 1)
    return data[:place] + random.choice(_WORDS) + data[place:]


def replace_by_word(random: Random, data: bytes) -> bytes:
    start, end = _span(random, data, 8)
    return data[:start] + random.choice(_WORDS) + data[end:]


def insert_control(random: Random, data: bytes) -> bytes:
    place = random.randrange(len(data) + 1)
    return data[:place] + bytes([random.choice([*range(33), 127, *range(128, 256, 16)])]) + data[place:]


def delete(random: Random, data: bytes) -> bytes:
    start, end = _span(random, data)
    return data[:start] + data[end:]


def duplicate(random: Random, data: bytes) -> bytes:
    start, end = _span(random, data, 200)
    return data[:end] + data[start:end] + data[end:]


def repeat(random: Random, data: bytes) -> bytes:
    """One byte or a few, many times: what limits are for."""
    start, end = _span(random, data, 4)
    times = (
        random.choice([2, 16, 17, 130, 260, 300]) if random.random() < 0.95 else random.choice([8200, 66000])
    )
    return data[:start] + data[start:end] * times + data[end:]


def end_early(random: Random, data: bytes) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def splice(random: Random, data: bytes) -> bytes:
    """The beginning of one and the end of another."""
    other = random.choice(SHORT)
    return data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other)) :]


def change_number(random: Random, data: bytes) -> bytes:
    found = [match.span() for match in _NUMBER.finditer(data[:2000])]
    if not found:
        return data
    start, end = random.choice(found)
    number = int(data[start:end][:18])
    near = [b"%d" % (number + 1), b"%d" % max(number - 1, 0), b"0" + data[start:end], b"%d" % (number * 16)]
    return data[:start] + random.choice(near + _NUMBERS) + data[end:]


def change_case(random: Random, data: bytes) -> bytes:
    found = [match.span() for match in _WORD.finditer(data[:2000])]
    if not found:
        return data
    start, end = random.choice(found)
    return data[:start] + data[start:end].swapcase() + data[end:]


def change_lines(random: Random, data: bytes) -> bytes:
    """Lines repeated, lost, or in another order."""
    lines = data.split(b"\r\n")
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    change = random.randrange(4)
    if change == 0:
        lines.insert(other, lines[one])
    elif change == 1:
        del lines[one]
    elif change == 2:
        lines[one], lines[other] = lines[other], lines[one]
    else:
        return b"\r\n".join(lines[:one]) + random.choice([b"\n", b"\r", b""]) + b"\r\n".join(lines[one:])
    return b"\r\n".join(lines)


MUTATIONS: list[Mutation] = [
    flip_bit, insert_word, insert_word, replace_by_word, insert_control, delete, duplicate, repeat, end_early,
    splice, change_number, change_number, change_case, change_lines, change_lines,
]  # fmt: skip
