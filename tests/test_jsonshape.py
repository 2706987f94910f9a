"""JSON values as what a program expects them to be."""

from dataclasses import dataclass, field
from typing import Any, Literal, Optional, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.jsonshape import build


@dataclass
class User:
    """Somebody."""

    name: str
    age: int | None = None
    tags: list[str] = field(default_factory=list)
    made: int = field(default=0, init=False)


@dataclass(frozen=True, slots=True)
class Post:
    """Something that somebody says."""

    user: User
    text: str
    kind: Literal["plain", "rich"] = "plain"
    scores: "dict[str, float]" = field(default_factory=dict)
    extra: Any = None


@dataclass
class Positive:
    """A dataclass with an opinion of its own."""

    value: int

    def __post_init__(self) -> None:
        if self.value < 0:
            raise ValueError("value is less than nothing")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, dict), ([], list), ("", str), (0, int), (0.5, float), (5, float), (True, bool), (None, None),
        (None, type(None)), ({"a": 1}, Any), ([1], object), ([1, 2], list[int]), ([], list[int]),
        ({"a": [True]}, dict[str, list[bool]]), (1, int | str), ("x", int | str),
        ("a", Literal["a", "b"]), (1, Literal[1]), ([None, 1], list[int | None]),
        (None, Optional[int]), ("x", Union[int, str]),  # noqa: UP007, UP045
    ],
)  # fmt: skip
def test_what_is_as_expected_is_left_as_it_is(value: Any, expected: Any) -> None:
    assert build(value, expected) is value or build(value, expected) == value


@pytest.mark.parametrize(
    ("value", "expected", "message"),
    [
        ([], dict, r"\$ is \[\], and dict was expected"),
        (True, int, r"\$ is True, and int was expected"),
        (1, bool, "bool was expected"),
        (1.0, int, "int was expected"),
        (True, float, "float was expected"),
        ("1", float, "float was expected"),
        (None, str, r"\$ is None, and str was expected"),
        (0, None, r"\$ is 0, and None was expected"),
        ([1, "x"], list[int], r"\$\[1\] is 'x', and int was expected"),
        ({"a": {"b": 1}}, dict[str, dict[str, str]], r"\$\.a\.b is 1, and str was expected"),
        ([], int | str, r"\$ is \[\], and int \| str was expected"),
        ("c", Literal["a", "b"], r"\$ is 'c', and Literal\['a', 'b'\] was expected"),
        (True, Literal[1], "Literal"),
        ("x" * 1000, int, r"\$ is 'xxxxxxxxxxxx\.\.\.xxxxxxxxxxxxx', and int was expected"),
    ],
)
def test_what_is_not(value: Any, expected: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(value, expected)


def test_dataclasses() -> None:
    value = {
        "user": {"name": "a", "age": 5, "tags": ["x"], "unknown": 1},
        "text": "b",
        "kind": "rich",
        "scores": {"c": 1, "d": 0.5},
        "extra": [{}],
    }
    user = User("a", 5, ["x"])
    assert build(value, Post) == Post(user, "b", "rich", {"c": 1, "d": 0.5}, [{}])
    assert build({"user": {"name": "a"}, "text": "b"}, Post) == Post(User("a"), "b")
    assert build([{"name": "a"}], list[User]) == [User("a")]
    assert build({"name": "a"}, Post | User) == User("a")
    assert build(None, User | None) is None


@pytest.mark.parametrize(
    ("value", "expected", "message"),
    [
        ([], User, r"\$ is \[\], and User was expected"),
        ({}, User, r"\$\.name is missing, which User needs"),
        ({"name": None}, User, r"\$\.name is None, and str was expected"),
        ({"name": "a", "age": "5"}, User, r"\$\.age is '5', and int \| None was expected"),
        ({"name": "a", "tags": [1]}, User, r"\$\.tags\[0\] is 1, and str was expected"),
        ({"user": {"name": 1}, "text": ""}, Post, r"\$\.user\.name is 1, and str"),
        ({"text": ""}, Post, r"\$\.user is missing, which Post needs"),
        ({"name": 1}, User | None, r"\$\.name is 1, and str was expected"),
        ({"value": -1}, Positive, "value is less than nothing"),
        (5, User | None, r"\$ is 5, and "),
        ([{"name": 1}], list[User | Positive], r"\$\[0\]\.name is 1, and str was expected"),
        ([{"x": 1}], list[User | Positive], r"\$\[0\]\.name is missing, which User needs"),
        ({"value": -1}, User | Positive, r"\$\.name is missing"),
        ({"value": -1}, Positive | None, "value is less than nothing"),
        ([[1]], list[User | list[str]], r"\$\[0\]\[0\] is 1, and str was expected"),
    ],
)
def test_what_is_no_such_dataclass(value: Any, expected: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(value, expected)


@pytest.mark.parametrize("expected", [set, bytes, tuple[int, ...], complex, "User", 5])
def test_what_json_has_not(expected: Any) -> None:
    with pytest.raises(TypeError, match="no value of JSON is"):
        build("x", expected)


def test_names_are_strings() -> None:
    with pytest.raises(TypeError, match=r"is dict\[int, str\]: the names in an object are str"):
        build({"1": "x"}, dict[int, str])
    assert build({"1": "x"}, dict[Any, str]) == {"1": "x"}


@dataclass
class Sum:
    """One of two that look alike up to their last field."""

    terms: "list[Sum | Product | int]"
    kind: Literal["sum"] = "sum"

    def __post_init__(self) -> None:
        MADE.append(self)


@dataclass
class Product:
    """The other one."""

    terms: "list[Sum | Product | int]"
    kind: Literal["product"] = "product"

    def __post_init__(self) -> None:
        MADE.append(self)


MADE: list[Any] = []


@pytest.mark.parametrize("innermost", [1, "x"])
def test_unions_inside_of_unions_are_tried_once(innermost: Any) -> None:
    value: Any = innermost
    depth = 12
    for _ in range(depth):
        value = {"terms": [value], "kind": "product"}
    MADE.clear()
    if innermost == 1:
        product = build(value, Sum | Product)
        assert isinstance(product, Product) and isinstance(product.terms[0], Product)
    else:
        with pytest.raises(ValueError, match=r"(\.terms\[0\]){12} is 'x', and "):
            build(value, Sum | Product)
    # The unions in the two are two unions.
    assert len(MADE) < 2 * depth


class SilentName(str):
    """A name that is not to be put in words: it may be as long as the message."""

    def __format__(self, how: str) -> str:
        raise AssertionError("nobody has asked where the value is")


def test_places_are_told_when_something_is_wrong_only() -> None:
    value = {SilentName("a"): [1, 2, 3]}
    assert build(value, dict[str, list[int]]) == value


def test_long_names_are_told_shortened() -> None:
    with pytest.raises(ValueError, match=r"^\$\.a{60}\.\.\.\[0\] is 'x', and int was expected$"):
        build({"a" * 1000: ["x"]}, dict[str, list[int]])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.sampled_from([dict, list[int], dict[str, str | None], Post, list[User], int | float]))
def test_no_value_raises_anything_else(value: Any, expected: Any) -> None:
    try:
        build(value, expected)
    except ValueError as error:
        assert str(error).startswith("$")
