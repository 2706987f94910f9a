"""Masks: in C and in Python."""

import importlib.util
import sys
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.protocol.ws import mask


def load_without_websockets() -> ModuleType:
    """The module as it is where the compiled function is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "websockets.speedups", None)
        spec = importlib.util.spec_from_file_location("sketch.protocol.ws.mask", mask.__file__)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


IN_PYTHON = load_without_websockets()
EITHER = pytest.mark.parametrize("module", [mask, IN_PYTHON], ids=["in C", "in Python"])


def test_both_are_there() -> None:
    assert mask.apply_mask.__module__ != IN_PYTHON.apply_mask.__module__


@EITHER
@given(data=st.binary(max_size=70), key=st.binary(min_size=4, max_size=4))
def test_each_byte_meets_its_byte_of_the_mask(module: ModuleType, data: bytes, key: bytes) -> None:
    expected = bytes(byte ^ key[place % 4] for place, byte in enumerate(data))
    for kind in (bytes, bytearray, memoryview):
        masked = module.apply_mask(kind(data), key)
        assert type(masked) is bytes
        assert masked == expected
        assert module.apply_mask(masked, key) == data


@EITHER
@given(data=st.binary(max_size=70), key=st.binary(min_size=4, max_size=4), place=st.integers(0, 70))
def test_a_mask_goes_on_where_it_was(module: ModuleType, data: bytes, key: bytes, place: int) -> None:
    first, second = data[:place], data[place:]
    rest = module.apply_mask(second, module.rotate(key, len(first)))
    assert module.apply_mask(first, key) + rest == module.apply_mask(data, key)
