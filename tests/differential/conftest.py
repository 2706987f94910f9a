"""The harness is no test module, so pytest has to be told to explain its assertions, too."""

import pytest

pytest.register_assert_rewrite("tests.differential.harness")
