"""There are words for everything that an answer or an entry can say, and no others."""

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from api.console import words
from ledger.answer import RULES
from ledger.due import due_for
from ledger.events import BY_NAME
from ledger.rules.case import Step
from ledger.rules.rulebook import uk_gdpr
from ledger.terms import Article6, Decision, Flag

WORDS = words.words()
ROOT = Path(__file__).parents[2]
MACHINE = {
    "catalogue", "civil_dates", "contemporaneous_evidence_digest", "counterpart", "counts",
    "effective_at", "entries", "gains", "key_ids", "keys", "moved",
}  # fmt: skip
"""Fields of entries that are for machines, or are shown in a way of their own."""


def test_every_rule_has_its_question_and_what_it_finds() -> None:
    assert set(WORDS.rule) == {name for name, _ in RULES} | {words.LATE}
    assert all(one.ask.endswith("?") and one.no and one.yes for one in WORDS.rule.values())


def test_every_rule_links_to_the_law() -> None:
    book = uk_gdpr()

    links = {name: book.rule(name).link for name in WORDS.rule}
    assert [
        one for one in links.values() if not one.startswith("https://www.legislation.gov.uk/")
    ] == []


def test_every_flag_decision_and_basis_has_a_label_and_a_sentence() -> None:
    assert set(WORDS.flag) == set(Flag)
    assert set(WORDS.decision) == set(Decision)
    assert set(WORDS.basis) == set(get_args(Article6))
    for said in (*WORDS.flag.values(), *WORDS.decision.values()):
        assert said.label and said.says.endswith("."), said
        assert len(said.label) <= 36, said.label


def test_labels_are_told_apart() -> None:
    for some in (WORDS.flag, WORDS.decision, WORDS.basis):
        labels = [said.label for said in some.values()]
        assert len(set(labels)) == len(labels)


def test_every_type_of_entry_has_a_heading_of_its_own() -> None:
    assert set(WORDS.entry) == set(BY_NAME)
    assert len(set(WORDS.entry.values())) == len(WORDS.entry)


def test_every_field_is_named_or_known_to_be_for_machines() -> None:
    fields = {name for kind in BY_NAME.values() for name in kind.__struct_fields__}

    assert set(WORDS.field) | MACHINE == fields
    assert set(WORDS.field) & MACHINE == set()


def test_every_duty_has_words() -> None:
    source = (ROOT / "ledger" / "due.py").read_text()
    assert due_for.__module__ == "ledger.due"
    assert set(re.findall(r'_running\("([^"]+)"', source)) == set(WORDS.due)


@pytest.mark.parametrize(
    ("step", "last", "says"),
    [
        (Step(rule="person.merged", article="", matched=False), False, "The record stands"),
        (Step(rule="decision.compose", article="", matched=True), False, "At least one basis"),
        (Step(rule="decision.compose", article="", matched=True), True, "No basis stands"),
        (
            Step(rule="consent.withdrawn", article="", matched=True, flag=Flag.CONSENT_WITHDRAWN),
            False,
            "The consent was withdrawn",
        ),
    ],
)
def test_a_finding_is_said_as_exactly_as_it_is_known(step: Step, last: bool, says: str) -> None:
    assert says in words.finding(step, last=last)


def test_no_word_of_the_vocabulary_is_banned() -> None:
    text = (ROOT / "api" / "console" / "words.toml").read_text().lower()
    templates = (ROOT / "api" / "console" / "templates").glob("*.html")
    for page in (text, *(one.read_text().lower() for one in templates)):
        shown = re.sub(r"<[^>]*>|\{[%#{].*?[%#}]\}", " ", page, flags=re.DOTALL)
        assert not re.search(r"\bas of\b|valid time|transaction time|\busers?\b", shown)


def test_the_words_are_read_whole() -> None:
    raw = tomllib.loads((ROOT / "api" / "console" / "words.toml").read_text())

    assert set(raw) == set(words.Words.__struct_fields__)
