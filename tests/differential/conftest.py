"""The harness and the plays are no test modules, so pytest has to be told to explain its assertions, too."""

import pytest

pytest.register_assert_rewrite("tests.differential.harness", "tests.differential.playing")
