"""Settings of every test."""

from hypothesis import settings

# A loaded machine is slow, not wrong: time is bounded for the whole test, not for one example.
settings.register_profile("egret", deadline=None)
settings.load_profile("egret")
