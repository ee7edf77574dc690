"""Questions without an answer while a transaction is prepared or open."""

from __future__ import annotations

import pytest

from stream_monitor.services.ports import TransactionAborted, Unanswered
from stream_monitor.services.status import ServiceStatus
from stream_monitor.services.transactions import Transactions


class Producer:
    """Opens, and aborts what is open, as librdkafka does: nothing open cannot be aborted."""

    epoch = "one"

    def __init__(self) -> None:
        self.is_open = False
        self.aborted = 0

    def begin(self) -> None:
        """Opens a transaction."""
        self.is_open = True

    def abort(self) -> None:
        """Ends it."""
        if not self.is_open:
            raise TransactionAborted("nothing is open")
        self.is_open = False
        self.aborted += 1


@pytest.mark.parametrize("is_open", [False, True])
def test_what_was_opened_before_the_silence_is_aborted_and_the_silence_told(is_open: bool) -> None:
    producer = Producer()
    transactions = Transactions(lambda: producer, ServiceStatus("detector", "d"))  # type: ignore[arg-type,return-value]

    def ask() -> None:
        if is_open:
            producer.begin()
        raise Unanswered("planned")

    with pytest.raises(Unanswered, match="planned"):
        transactions.attempt(ask)
    assert not producer.is_open
    assert producer.aborted == is_open
