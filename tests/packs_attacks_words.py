"""Attacked packs: files that are not in the form that the format gives them, member by member."""

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from projections.packs.verifier import pack as format_
from tests.packs import b64
from tests.packs_attacks import ATTACKS, Attack, Case, Files, attack, edited, files
from tests.packs_attacks_streams import erased_whole
from tests.packs_bag import bagged, zipped

Path = tuple[str | int, ...]
TABLES: dict[str, tuple[str, int, Path, Any]] = {
    "ABOUT": ("pack.json", 0, (), format_.ABOUT),
    "EVENT": ("events.jsonl", 0, (), format_.EVENT),
    "ERASED_EVENT": ("events.jsonl", 4, (), format_.ERASED_EVENT),
    "CONSISTENCY": ("consistency.json", 0, (), format_.CONSISTENCY),
    "NOTICE": ("notices.jsonl", 1, (), format_.NOTICE),
    "QUESTION": ("answers.jsonl", 0, ("question",), format_.QUESTION),
    "ANSWER": ("answers.jsonl", 0, ("answer",), format_.ANSWER),
    "GIVEN": ("given.jsonl", 0, (), format_.GIVEN),
}
"""Every table of the format: the file and line that has it, and where in that line."""


def paths_of(shape: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every place in the table, the whole first, with the shape there."""
    yield path, shape
    if isinstance(shape, dict):
        for name, each in shape.items():
            if name is not ...:
                yield from paths_of(each, (*path, name))
    elif isinstance(shape, list):
        yield from paths_of(shape[0], (*path, 0))
    elif isinstance(shape, tuple):
        inner = [each for each in shape if isinstance(each, list | dict)]
        yield from (found for each in inner for found in list(paths_of(each, path))[1:])


def wrong_for(shape: Any) -> list[Any]:
    """Values that do not have the shape: one as near to it as may be, one far from it."""
    if isinstance(shape, tuple):
        return [7]
    if isinstance(shape, dict | list):
        return [{"more": 1} if isinstance(shape, list) else [], 7]
    if shape is int:
        return [True, "1"]
    return [7] if shape is str else [" ", 7]


def put(value: Any, path: Path, other: Any) -> Any:
    """The value with the other one at the path; of a list, in its last element."""
    if not path:
        return other
    inner = value.get(path[0]) if isinstance(value, dict) else (value or [None])[-1]
    found = put(inner, path[1:], other)
    return {**value, path[0]: found} if isinstance(value, dict) else [*value[:-1], found]


def in_table(name: str) -> Files:
    """The files of a pack that has the table: one of them has an erased entry."""
    return erased_whole(files(), 6) if name == "ERASED_EVENT" else files()


def changed(table: str, path: Path, other: Any) -> Callable[[], Case]:
    """The pack with another value at the path."""
    name, at, before, _ = TABLES[table]

    def change(value: Any) -> Any:
        return put(value, (*before, *path), other)

    def made() -> Case:
        return Case(pack=zipped(bagged(edited(in_table(table), name, change, at=at))))

    return made


def add_attacks_on(table: str) -> None:
    """An attack on each place of the table, and one member more for each of its objects."""
    for path, shape in paths_of(TABLES[table][3]):
        where = f"words.{table}{''.join(f'.{each}' for each in path)}"
        if shape is not object:
            for number, wrong in enumerate(wrong_for(shape)):
                put_among_attacks(f"{where}{' again' * number}", changed(table, path, wrong))
        if isinstance(shape, dict) and ... not in shape:
            put_among_attacks(f"{where} and more", changed(table, (*path, "more"), 1))


def put_among_attacks(name: str, make: Callable[[], Case]) -> None:
    """Put a pack in another form among the attacked ones."""
    ATTACKS.append(Attack(name=name, code="E_PACK", claim="pack", make=make))


for each in TABLES:
    add_attacks_on(each)


def replaced(inside: Files, name: str, before: bytes, after: bytes) -> Files:
    """The files with the first of these bytes replaced in one of them."""
    assert before in inside[name]
    return {**inside, name: inside[name].replace(before, after, 1)}


# JSON that can be read in two ways, or in none.


@attack("E_PACK", "pack", threat=19)
def name_twice(inside: Files) -> Files:
    return replaced(inside, "pack.json", b'{"format"', b'{"size":12,"format"')


@attack("E_PACK", "pack")
def byte_order_mark(inside: Files) -> None:
    inside["pack.json"] = b"\xef\xbb\xbf" + inside["pack.json"]


@attack("E_PACK", "pack")
def another_encoding(inside: Files) -> None:
    inside["pack.json"] = inside["pack.json"].decode().encode("utf-16")


@attack("E_PACK", "pack")
def no_json(inside: Files) -> None:
    inside["consistency.json"] = b"[}"


@attack("E_PACK", "pack")
def fraction(inside: Files) -> Files:
    return replaced(inside, "notices.jsonl", b'"photo-v1"', b"1.5")


@attack("E_PACK", "pack")
def no_number_at_all(inside: Files) -> Files:
    return replaced(inside, "notices.jsonl", b'"photo-v1"', b"NaN")


@attack("E_PACK", "pack")
def number_that_readers_round(inside: Files) -> Files:
    return replaced(inside, "notices.jsonl", b'"photo-v1"', str(2**53).encode())


@attack("E_PACK", "pack")
def number_that_takes_hours(inside: Files) -> Files:
    return replaced(inside, "notices.jsonl", b'"photo-v1"', b"9" * 4_000)


@attack("E_PACK", "pack")
def nested_too_deep(inside: Files) -> Files:
    return replaced(inside, "notices.jsonl", b'"photo-v1"', b"[" * 64 + b"]" * 64)


@attack("E_PACK", "pack")
def nested_too_deep_for_python(inside: Files) -> Files:
    names = Random(0).randbytes(200_000).hex()
    deep = "".join(f'{{"{names[at : at + 8]}":' for at in range(0, 400_000, 8))
    return replaced(inside, "notices.jsonl", b'"photo-v1"', f"{deep}1{'}' * 50_000}".encode())


# Files.


@attack("E_PACK", "pack")
def no_pack_json(inside: Files) -> None:
    del inside["pack.json"]


@attack("E_PACK", "pack")
def no_consistency_json(inside: Files) -> None:
    del inside["consistency.json"]


@attack("E_PACK", "pack")
def file_that_no_pack_has(inside: Files) -> None:
    inside["verifier/json.py"] = b"def loads(*_, **__): return {}\n"


@attack("E_PACK", "pack")
def no_entry(inside: Files) -> None:
    inside["events.jsonl"] = b""


@attack("E_PACK", "pack")
def line_that_does_not_end(inside: Files) -> None:
    inside["events.jsonl"] = inside["events.jsonl"][:-1]


@attack("E_PACK", "pack")
def entries_in_another_order(inside: Files) -> None:
    lines = inside["events.jsonl"].splitlines(keepends=True)
    inside["events.jsonl"] = b"".join(reversed(lines))


@attack("E_PACK", "pack")
def leaf_in_another_base64(inside: Files) -> Files:
    """The bits that base64 leaves over are not zero: two texts for one leaf."""
    lines = inside["events.jsonl"].splitlines()
    padded = next(at for at, text in enumerate(lines) if b'=","digests"' in text)
    return edited(inside, "events.jsonl", spelt_otherwise, at=padded)


def spelt_otherwise(event: dict[str, Any]) -> None:
    leaf = event["leaf"].rstrip("=")
    event["leaf"] = leaf[:-1] + chr(ord(leaf[-1]) + 1) + event["leaf"][len(leaf) :]


@attack("E_PACK", "pack")
def leaf_in_no_base64(inside: Files) -> Files:
    return edited(inside, "events.jsonl", lambda event: event.update(leaf="AAAAA"), at=4)


@attack("E_PACK", "pack")
def digest_in_another_base64(inside: Files) -> Files:
    other = b64(bytes(32))[:-2] + "B="
    return edited(inside, "events.jsonl", lambda event: event.update(digests=[other]), at=4)


@attack("E_PACK", "pack")
def leaf_hash_in_another_base64(inside: Files) -> Files:
    other = b64(bytes(32))[:-2] + "B="
    inside = erased_whole(inside, 6)
    return edited(inside, "events.jsonl", lambda event: event.update(leaf_hash=other), at=4)


# What pack.json says of itself.


@attack("E_PACK", "pack")
def stream_listed_twice(inside: Files) -> Files:
    def change(about: dict[str, Any]) -> None:
        about["streams"].append({**about["streams"][0], "entries": 0})

    return edited(inside, "pack.json", change)


@attack("E_PACK", "pack")
def two_streams_of_the_ledger(inside: Files) -> Files:
    def change(about: dict[str, Any]) -> None:
        other = "40000000-0000-4000-8000-000000000004"
        about["streams"].append({"stream": other, "entries": 0, "about": "ledger"})

    return edited(inside, "pack.json", change)


@attack("E_PACK", "pack")
def stream_of_less_than_no_entries(inside: Files) -> Files:
    def change(about: dict[str, Any]) -> None:
        other = "40000000-0000-4000-8000-000000000004"
        about["streams"].append({"stream": other, "entries": -1, "about": "subject"})

    return edited(inside, "pack.json", change)


@attack("E_PACK", "pack")
def subject_without_a_stream(inside: Files) -> Files:
    def change(about: dict[str, Any]) -> None:
        about["scope"]["subject"] = "40000000-0000-4000-8000-000000000004"

    return edited(inside, "pack.json", change)


@attack("E_CHECKPOINT", "checkpoints")
def smaller_log_than_its_head(inside: Files) -> Files:
    return edited(inside, "pack.json", lambda about: about.update(size=12))


# Answers, whose very bytes count.


@attack("E_PACK", "pack")
def answer_before_its_question(inside: Files) -> Files:
    line = json.loads(inside["answers.jsonl"].splitlines()[0])
    swapped = json.dumps({"answer": line["answer"], "question": line["question"]})
    return {**inside, "answers.jsonl": swapped.encode() + b"\n"}


@attack("E_PACK", "pack")
def space_before_the_question(inside: Files) -> Files:
    return replaced(inside, "answers.jsonl", b'{"question":{', b'{"question": {')


@attack("E_PACK", "pack")
def space_before_the_answer(inside: Files) -> Files:
    return replaced(inside, "answers.jsonl", b',"answer":', b', "answer":')


@attack("E_PACK", "pack")
def space_behind_the_answer(inside: Files) -> Files:
    return replaced(inside, "answers.jsonl", b"}\n", b"} \n")
