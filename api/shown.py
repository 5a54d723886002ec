"""Answers and entries as people read them: a few lines each, in the words of the vocabulary.

Not here: JSON, which is written as it is (`output.line`).
"""

from __future__ import annotations

from collections.abc import Iterator

from ledger.answer import Answer, Reliance
from ledger.civil import format_instant


def in_short(answer: Answer) -> str:
    """The answer on one line."""
    words = [str(answer.decision), *answer.live]
    if answer.flags:
        words.append(f"[{', '.join(answer.flags)}]")
    return " ".join(words)


def at_length(answer: Answer) -> Iterator[str]:
    """The answer and what it rests on, a line each."""
    yield str(answer.decision)
    for line in answer.relied_on:
        yield f"  relies on   {_reliance(line)}"
    for title, words in (
        ("conditions", answer.conditions),
        ("not for", answer.denied_categories),
        ("flags", answer.flags),
    ):
        if words:
            yield f"  {title:<11} {', '.join(words)}"
    for gap in answer.late_gaps:
        yield f"  late        {format_instant(gap.start)} to {format_instant(gap.end)}"
    for due in answer.due:
        yield f"  due         {due.what} by {due.at}"
    if answer.next_change_at is not None:
        yield f"  may change  {format_instant(answer.next_change_at)}"
    yield f"  asked about {format_instant(answer.effective_at)}"
    yield f"  as known at {format_instant(answer.known_at)} ({answer.position or 'no log'})"


def _reliance(line: Reliance) -> str:
    source = f", {line.source}" if line.source else ""
    return f"6(1)({line.article6}){source}{', suspended' if line.suspended else ''}"
