"""Fixtures that every kind of test can ask for."""

import signal

pytest_plugins = ("tests.brokers.fixtures",)

# A shell that starts tests in the background has them ignore Ctrl-C, and so would every process that a test
# starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
