"""What holds for every test: how Hypothesis looks for examples."""

from hypothesis import settings

# The machines that run the suite are shared and slow at times: an example that takes long is no failure.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")
