"""Phrases and bodies of status codes."""

from http import HTTPStatus

from sketch.http.status import allows_body, phrase


def test_phrases_are_those_of_the_standard_library() -> None:
    for status in HTTPStatus:
        assert phrase(status) == phrase(status.value) == status.phrase
    assert phrase(404) == "Not Found"


def test_a_code_that_nobody_knows_has_no_phrase() -> None:
    assert phrase(299) == phrase(0) == phrase(-1) == ""


def test_which_answers_have_no_body() -> None:
    without = {status for status in range(100, 600) if not allows_body(status)}
    assert without == {*range(100, 200), 204, 205, 304}
