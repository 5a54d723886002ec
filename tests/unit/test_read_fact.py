"""What a caller may say of a fact's dates and fields, and what is refused without repeating it."""

from datetime import UTC, datetime

import pytest

from ledger.errors import Malformed
from ledger.wire import fact_to_builtins, read_fact

NHS_NUMBER = "9434765919"


@pytest.mark.parametrize("kind", ["StatusStarted", "StatusEnded"])
def test_a_fact_written_with_its_dates_reads_back_as_it_was(kind: str) -> None:
    fact = read_fact({"type": kind, "kind": "LAC", "effective_at": "2026-03-29"})
    assert read_fact(fact_to_builtins(fact)) == fact
    begins = datetime(2026, 3, 29, 0 if kind == "StatusEnded" else 23, tzinfo=UTC)
    assert fact.effective_at == begins


def test_an_identifier_sent_as_the_name_of_a_field_is_not_repeated() -> None:
    status = {"type": "StatusStarted", "kind": "LAC", "effective_at": "2026-01-01T00:00:00Z"}
    with pytest.raises(Malformed) as refused:
        read_fact(status | {NHS_NUMBER: True})
    assert NHS_NUMBER not in str(refused.value)
    with pytest.raises(Malformed, match="kindd"):
        read_fact(status | {"kindd": "LAC"})
