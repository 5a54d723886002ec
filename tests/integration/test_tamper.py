"""Two hundred changes by a superuser without the log's key: each is found, and its place named.

The place is the entry itself; where an entry was forged whole, row, leaf, hash and tiles, it is the
stretch between two checkpoints that it lies in.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from api.signer import Signer, file_signer
from ledger.events import NoticePublished, PolicyDocumentAdopted
from ledger.sealing import Sealable, new_event_id, seal_entry
from ledger.tlog.checkpoint import parse_checkpoint, signed
from ledger.tlog.following import RolledBack
from ledger.tlog.keys import signing_key
from ledger.tlog.note import format_note, parse_note
from projections.audit import Auditing, audit
from projections.audit_content import audit_content
from projections.audit_findings import AuditFinding
from tests.integration.appending import one_ledger
from tests.integration.auditable import cosigned, policy_of, published
from tests.integration.recorded import History
from tests.integration.tampering import Attacker, attacker, kept, restore
from tests.integration.test_tree import Here
from tests.integration.wired import BEGINNING, ORIGIN, Founded, Wired

POSITIONS = 20
ENTRIES = 320
PEOPLE_THREES = 5
NOTICES = 24


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger as it was recorded, and what its signer signed."""

    ledger: Founded
    signer: Signer
    size: int
    sizes: list[int]
    notices: list[int]


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """The first entry that is not as it was, whether its place is known exactly, and to whom."""

    n: int
    exact: bool = True
    sealed: bool = False


Change = Callable[[Attacker, Site, int], Changed]


@pytest.fixture(scope="module")
def site(postgres: str, module_place: Path) -> Iterator[Site]:
    """Hundreds of entries of fifteen people, with notices, tiles, checkpoints and cosignatures."""
    with (
        one_ledger(postgres, module_place) as ledger,
        file_signer(module_place / "signer", origin=f"{ORIGIN}/0") as signer,
    ):
        sizes = ledger.run(lambda wired: recorded(ledger, wired, Here(signer)))
        kept(ledger)
        own = ledger.sql("SELECT n FROM entry WHERE stream = %s", ledger.identity.stream)
        notices = [n for (n,) in own]
        yield Site(ledger=ledger, signer=signer, size=sizes[-1], sizes=sizes, notices=notices)


async def recorded(ledger: Founded, wired: Wired, signs: Here) -> list[int]:
    """The sizes at which checkpoints were signed, the last one over everything."""
    histories = [History(ledger) for _ in range(PEOPLE_THREES)]
    await histories[0].begin(wired)
    sizes, left, size = [], NOTICES, 0
    while size < ENTRIES or left:
        await ledger.random.choice(histories).grow(wired, 4)
        if left and ledger.random.random() < 0.4:
            left -= 1
            await wired.record(None, notice(f"V{left}"))
        size = (await wired.store.head(0)).size
        if ledger.random.random() < 0.4:
            sizes.append(size)
            note = await published(wired, signs)
            if ledger.random.random() < 0.3:
                cosigned(ledger, note)
    note = await published(wired, signs)
    cosigned(ledger, note)
    return sorted({*sizes, parse_checkpoint(note.text).size})


def notice(name: str) -> NoticePublished:
    return NoticePublished(effective_at=BEGINNING, notice=name)


# What is done.


def payload(one: Attacker, site: Site, n: int) -> Changed:
    """Sealed bytes: a bit of them, those of another entry, or none at all."""
    way = one.random.randrange(3)
    if way == 0:
        one.flip(n, "container")
    elif way == 1:
        one.change(n, container=one.entry(n % site.size + 1)["container"])
    else:
        one.change(n, container=b"")
    return Changed(n=n, sealed=True)


def leaf(one: Attacker, _: Site, n: int) -> Changed:
    """The leaf: a bit of it, what it says, or all of it."""
    way, text = one.random.randrange(3), one.entry(n)["leaf"]
    if way == 0:
        one.flip(n, "leaf")
    elif way == 1:
        one.change(n, leaf=text.replace(b'"type":"', b'"type":"X'))
    else:
        one.change(n, leaf=b"")
    return Changed(n=n)


def leaf_hash_and_tiles(one: Attacker, _: Site, n: int) -> Changed:
    """An entry forged whole; every other time with all that follows it in its stream."""
    way, draw = one.random.randrange(3), one.random.randbytes
    if way == 0:
        one.forge(n, name="ConsentGrantedAfterAll")
    elif way == 1:
        one.forge(n, event_id=new_event_id(1_700_000_000_000, draw))
    else:
        one.forge(n, digests=draw(64))
    if one.random.random() < 0.5:
        one.rechain(n)
    one.retile()
    one.rehead()
    return Changed(n=n, exact=False)


def tail(one: Attacker, _: Site, n: int) -> Changed:
    """The last entries never were, as far as this database says."""
    for table, column in (("entry", "n"), ("checkpoint", "size"), ("cosignature", "size")):
        one.run(f"DELETE FROM {table} WHERE log = 0 AND {column} >= %s", n)
    one.run("DELETE FROM dossier WHERE log = 0 AND n[cardinality(n)] >= %s", n)
    one.run("DELETE FROM idempotency WHERE log = 0 AND last_n >= %s", n)
    one.retile()
    one.rehead()
    return Changed(n=n)


def middle(one: Attacker, site: Site, n: int) -> Changed:
    """An entry is gone, or has changed places with another one."""
    if one.random.random() < 0.5:
        one.run("DELETE FROM entry WHERE log = 0 AND n = %s", n)
        return Changed(n=n)
    other = one.random.choice([each for each in range(1, site.size + 1) if each != n])
    one.move({n: other, other: n})
    if one.random.random() < 0.5:
        one.retile()
        one.rehead()
    return Changed(n=min(n, other), exact=False)


def renumber(one: Attacker, site: Site, n: int) -> Changed:
    """An entry is taken out and those after it move up, or it moves to another place."""
    if one.random.random() < 0.5:
        one.run("DELETE FROM entry WHERE log = 0 AND n = %s", n)
        one.move({each: each - 1 for each in range(n + 1, site.size + 1)})
        one.rehead()
        one.retile()
        return Changed(n=n, exact=n == site.size)
    other = one.random.choice([each for each in range(1, site.size + 1) if each != n])
    step = 1 if n < other else -1
    one.move({n: other, **{each + step: each for each in range(n, other, step)}})
    one.retile()
    one.rehead()
    return Changed(n=min(n, other), exact=False)


def backdate(one: Attacker, _: Site, n: int) -> Changed:
    """An entry was recorded earlier, its row says, or its leaf and its hash as well."""
    earlier = one.earlier(n)
    if one.random.random() < 0.5:
        one.change(n, recorded_at=earlier)
        return Changed(n=n)
    one.forge(n, recorded_at=earlier)
    if one.random.random() < 0.5:
        one.rechain(n)
    if one.random.random() < 0.5:
        one.retile()
    one.rehead()
    return Changed(n=n, exact=False)


def own_stream(one: Attacker, site: Site, _: int) -> Changed:
    """What is stored in clear: a bit of it, or another notice, sealed as the ledger seals."""
    n = one.random.choice(site.notices)
    if one.random.random() < 0.5:
        one.flip(n, "container")
        return Changed(n=n, sealed=True)
    row = one.entry(n)
    fact = PolicyDocumentAdopted(effective_at=BEGINNING - timedelta(days=1), document="other")
    made = Sealable(event_id=row["event_id"], fact=fact, recorded_by=row["client"])
    sealed = seal_entry(made, origin=one.origin, entropy=one.random.randbytes)
    if one.random.random() < 0.5:
        one.change(n, container=sealed.container)
        return Changed(n=n, sealed=True)
    one.forge(n, name="PolicyDocumentAdopted", container=sealed.container, digests=sealed.digests)
    one.rechain(n)
    one.retile()
    one.rehead()
    return Changed(n=n, exact=False)


def checkpoint(one: Attacker, site: Site, _: int) -> Changed:
    """Another root, unsigned or signed by a key of the same name; or another one's note."""
    size, other = one.random.sample(site.sizes, 2)
    note = parse_note(note_of(one, size).encode())
    root = one.random.randbytes(32)
    forged = replace(parse_checkpoint(note.text), root=root)
    by_another = signed(forged, signing_key(forged.origin, one.random.randbytes(32)))
    values = one.random.choice(
        (
            {"root": root},
            {"root": root, "note": format_note(by_another).decode()},
            {"root": root, "note": format_note(replace(note, text=by_another.text)).decode()},
            {"note": note_of(one, other)},
        )
    )
    for column, value in values.items():
        one.run(f"UPDATE checkpoint SET {column} = %s WHERE log = 0 AND size = %s", value, size)
    return Changed(n=size)


def note_of(one: Attacker, size: int) -> str:
    """The checkpoint of this size, as it is kept."""
    row = one.connection.execute(
        "SELECT note FROM checkpoint WHERE log = 0 AND size = %s", [size]
    ).fetchone()
    assert row is not None
    found: str = row["note"]
    return found


CHANGES: dict[str, Change] = {
    "payload": payload,
    "leaf": leaf,
    "leaf, hash and tiles": leaf_hash_and_tiles,
    "tail": tail,
    "middle": middle,
    "renumbered": renumber,
    "backdated": backdate,
    "notice": own_stream,
    "checkpoint": checkpoint,
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_is_found_and_its_place_named(site: Site, kind: str) -> None:
    """Twenty times each, at different places, and all is well again once it is put back."""

    async def story(wired: Wired) -> None:
        for n in site.ledger.random.sample(range(2, site.size + 1), POSITIONS):
            with attacker(site.ledger) as one:
                changed = CHANGES[kind](one, site, n)
            listed = await looked(wired, site, sealed=changed.sealed)
            assert located(listed, changed, site.sizes), (changed, listed)
            if kind == "tail":
                await refused(wired, site, changed.n - 1)
            restore(site.ledger)
        assert await looked(wired, site) == []
        assert await looked(wired, site, sealed=True) == []

    site.ledger.run(story)


async def looked(wired: Wired, site: Site, *, sealed: bool = False) -> list[AuditFinding]:
    """What an auditor finds, or, of what is sealed, whoever has the keys."""
    if sealed:
        return (await audit_content(wired.reader, wired.pool, 0)).listed
    auditing = Auditing(policy=policy_of(site.signer), held=(site.signer.last,))
    (found,) = audit(site.ledger.database, auditing)
    return found.listed


def located(listed: list[AuditFinding], changed: Changed, sizes: list[int]) -> bool:
    """Nothing before it is blamed; it is the first named, or in a stretch without a checkpoint."""
    if any(one.last < changed.n for one in listed):
        return False
    if changed.exact:
        return listed[:1] != [] and listed[0].n == changed.n
    around = [one for one in listed if one.n <= changed.n <= one.last]
    return any(not any(one.n <= size < one.last for size in sizes) for one in around)


async def refused(wired: Wired, site: Site, size: int) -> None:
    """The signer does not sign a log that is shorter than it was."""
    if size not in site.sizes:
        with pytest.raises(RolledBack):
            await published(wired, Here(site.signer))
