"""The suites are no test modules, so pytest has to be told to explain its assertions, too."""

import pytest

pytest.register_assert_rewrite("tests.conformance.exchange")
pytest.register_assert_rewrite("tests.conformance.websocket")
