"""What holds for all tests."""

from contextlib import suppress

with suppress(ModuleNotFoundError):  # the runner's environment has no tests of properties
    from hypothesis import settings

    # No example is judged by the clock: it says more of what else the machine does than of the code.
    settings.register_profile("without-deadline", deadline=None)
    settings.load_profile("without-deadline")
