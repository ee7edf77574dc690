"""Fixtures that every kind of test can ask for."""

pytest_plugins = ("tests.brokers.fixtures",)
