"""The vocabulary: every type of entry, its stored name and form, and how types differ.

`tests/vectors/entries` keeps a sample of each type and schema version for ever, with every field
filled: what was written once must be read, and written back the same, by every later version.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from ledger import events
from ledger.events import BY_NAME, ENTRY_TYPES, Fact, name_of
from ledger.events.base import STREAM_EITHER, STREAM_LEDGER, STREAM_SUBJECT, PersonAct
from ledger.wire import basis_of, content_of, fact_from_builtins, fact_to_builtins, read_fact

SAMPLES = Path(__file__).parents[1] / "vectors" / "entries"
NAMES = sorted(BY_NAME)


def sample(name: str, version: int = 1) -> bytes:
    return (SAMPLES / f"{name}.v{version}.json").read_bytes()


def stored(fact: Fact) -> bytes:
    text = msgspec.json.encode(fact_to_builtins(fact))
    return msgspec.json.format(text, indent=2) + b"\n"


def fact_of(name: str) -> Fact:
    return fact_from_builtins(msgspec.json.decode(sample(name)))


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_what_was_stored_once_is_read_and_written_back_the_same(path: Path) -> None:
    fact = fact_from_builtins(msgspec.json.decode(path.read_bytes()))

    assert f"{name_of(fact)}.v{fact.schema}" == path.stem
    assert stored(fact) == path.read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_version_of_every_type_has_a_sample_with_every_field(name: str) -> None:
    kind = BY_NAME[name]
    versions = [f"{name}.v{version}.json" for version in range(1, kind.schema + 1)]

    assert sorted(path.name for path in SAMPLES.glob(f"{name}.v*.json")) == versions
    assert list(unfilled(fact_of(name))) == []


def unfilled(value: object, path: str = "") -> Iterator[str]:
    """Fields, at any depth, that hold their default and so show nothing of their form."""
    if isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            held = getattr(value, field.name)
            if held == field.default:
                yield f"{path}.{field.name}"
            yield from unfilled(held, f"{path}.{field.name}")
    elif isinstance(value, tuple):
        yield from (found for one in value for found in unfilled(one, path))


def test_the_samples_are_of_known_types_alone() -> None:
    assert {path.name.split(".")[0] for path in SAMPLES.iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_caller_sends_is_read_as_the_same_fact(name: str) -> None:
    assert read_fact(msgspec.json.decode(sample(name))) == fact_of(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_field_that_no_type_has_is_refused(name: str) -> None:
    sent = msgspec.json.decode(sample(name))

    with pytest.raises(msgspec.ValidationError):
        fact_from_builtins({**sent, "surname": "Doe"})


def test_the_stored_name_is_the_class_name_and_fits_the_leaf() -> None:
    for kind in ENTRY_TYPES:
        assert kind.__struct_config__.tag == kind.__name__
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9._]{0,63}", kind.__name__)
        assert getattr(events, kind.__name__) is kind
    assert len(BY_NAME) == len(ENTRY_TYPES) == len(set(ENTRY_TYPES))


def test_every_type_can_be_decoded_from_the_union() -> None:
    assert set(events.AnyFact.__args__) == set(ENTRY_TYPES)


# How types differ.


@pytest.mark.parametrize("name", NAMES)
def test_the_content_of_a_type_is_optional_and_is_never_what_it_is_about(name: str) -> None:
    kind = BY_NAME[name]
    fields = {field.name: field for field in msgspec.structs.fields(kind)}

    assert kind.content <= fields.keys()
    assert all(fields[field].default is None for field in kind.content)
    assert kind.refers is None or (kind.refers in fields and kind.refers not in kind.content)
    assert kind.stream in (STREAM_SUBJECT, STREAM_LEDGER, STREAM_EITHER)
    assert kind.day in ("start", "next")


@pytest.mark.parametrize("name", NAMES)
def test_a_fact_falls_into_its_basis_and_its_content_and_nothing_is_lost(name: str) -> None:
    fact = fact_of(name)
    basis, content = fact_to_builtins(basis_of(fact)), content_of(fact)

    assert content.keys() == fact.content
    assert basis.keys().isdisjoint(content)
    assert {**basis, **content} == fact_to_builtins(fact)
    assert fact_to_builtins(basis_of(basis_of(fact))) == basis
    assert content_of(basis_of(fact)) == {}


def test_what_names_others_or_speaks_freely_is_content_and_what_answers_need_is_not() -> None:
    free = {"note", "reason", "channel", "evidence", "grounds", "approved_by", "decided_by"}
    free |= {"assessed_by", "outcome", "reference", "contemporaneous_evidence"}
    needed = {"ComplaintClosed": set(), "DisputeResolved": {"outcome"}}
    needed |= {"ObjectionDecided": {"outcome"}}
    for kind in ENTRY_TYPES:
        named = free.intersection(kind.__struct_fields__) - needed.get(kind.__name__, set())
        assert named <= kind.content, kind


def test_what_a_person_asks_us_to_stop_is_restrictive_and_never_refused() -> None:
    acts = {kind.__name__ for kind in ENTRY_TYPES if issubclass(kind, PersonAct)}
    protected = {kind.__name__ for kind in ENTRY_TYPES if kind.protective}

    assert acts == {
        "ConsentRefused",
        "ConsentWithdrawn",
        "EqualityOptOutReceived",
        "ObjectionReceived",
        "RestrictionApplied",
    }
    assert protected == acts | {"ComplaintReceived", "ErasureRequested"}
    assert all(BY_NAME[name].restrictive for name in acts)


def test_a_type_that_restricts_takes_a_day_from_its_start() -> None:
    restrictive = {kind.__name__ for kind in ENTRY_TYPES if kind.restrictive}

    assert all(BY_NAME[name].day == "start" for name in restrictive)
    assert restrictive == {
        "AuthorityEnded",
        "AuthorityRestricted",
        "BasisEnded",
        "CompetenceAssessed",
        "ConsentInvalidated",
        "ConsentRefused",
        "ConsentWithdrawn",
        "DeathRecorded",
        "EqualityOptOutReceived",
        "ErasureExecuted",
        "KeyDestroyed",
        "ObjectionReceived",
        "PolicyDocumentEnded",
        "PurposeMateriallyChanged",
        "RestrictionApplied",
        "ServiceAgreementEnded",
        "StatusEnded",
    }
