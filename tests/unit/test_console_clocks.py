"""The two clocks drawn: every box has its place, and the cross stands where the moment is."""

from datetime import UTC, datetime

from api.console.clocks import INNER, LEFT, ROW, TOP, clocks_table, drawing
from ledger.terms import Decision
from projections.two_clocks import Belief, Span, TwoClocks
from projections.walk import BEGINNING

GRANT, ACT = datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 3, 12, tzinfo=UTC)
HEARD, ADOPTED = datetime(2024, 4, 10, 8, 30, tzinfo=UTC), datetime(2020, 1, 10, tzinfo=UTC)


def span(start: datetime, end: datetime | None, decision: Decision, *live: str) -> Span:
    return Span(start=start, end=end, decision=decision, live=live)


PICTURE = TwoClocks(
    purpose="PHOTO",
    whole=True,
    beliefs=(
        Belief(
            since=ADOPTED,
            until=HEARD,
            spans=(span(BEGINNING, GRANT, Decision.DENY), span(GRANT, None, Decision.PERMIT, "a")),
        ),
        Belief(
            since=HEARD,
            until=None,
            spans=(
                span(BEGINNING, GRANT, Decision.DENY),
                span(GRANT, ACT, Decision.PERMIT, "a"),
                span(ACT, None, Decision.DENY),
            ),
        ),
    ),
)
STEP = INNER / 3
"""Before the grant, between the two, and after."""


def test_the_newest_row_is_on_top_and_boxes_meet() -> None:
    found = drawing(PICTURE, effective_at=ACT, known_at=HEARD)
    rows: dict[float, list[tuple[int, int, str]]] = {box.y: [] for box in found.boxes}
    for box in found.boxes:
        rows[box.y].append((round(box.x), round(box.width), box.decision))

    assert sorted(rows) == [TOP, TOP + ROW]
    step = round(STEP)
    assert rows[TOP] == [
        (LEFT, step, "DENY"),
        (LEFT + step, step, "PERMIT"),
        (round(LEFT + 2 * STEP), step, "DENY"),
    ]
    assert [(x, decision) for x, _, decision in rows[TOP + ROW]] == [
        (LEFT, "DENY"),
        (LEFT + step, "PERMIT"),
    ]
    assert [tick.text for tick in found.up] == ["10 January 2020", "10 April 2024"]
    assert [tick.text for tick in found.across] == ["1 March 2024", "12 March 2024"]


def test_the_cross_stands_at_the_moment() -> None:
    halfway = GRANT + (ACT - GRANT) / 2
    found = drawing(PICTURE, effective_at=halfway, known_at=datetime(2024, 4, 1, tzinfo=UTC))

    assert found.cross_x == LEFT + STEP * 1.5
    assert found.cross_y == TOP + ROW * 1.5
    before = drawing(PICTURE, effective_at=BEGINNING, known_at=datetime(2019, 1, 1, tzinfo=UTC))
    assert (before.cross_x, before.cross_y) == (LEFT + STEP / 2, None)


def test_a_box_says_what_it_has_room_for() -> None:
    found = drawing(PICTURE, effective_at=ACT, known_at=HEARD)
    texts = {box.text for box in found.boxes}

    assert texts == {"No", "Yes: Consent"}
    assert found.boxes[-1].title == (
        "No. Days from 12 March 2024 to now, as known from 10 April 2024 to now"
    )


def test_days_that_have_no_room_are_left_out_and_repeated_days_have_their_time() -> None:
    starts = [datetime(2024, 1, day, tzinfo=UTC) for day in range(1, 29)]
    spans = [
        span(start, end, Decision.DENY if n % 2 else Decision.PERMIT)
        for n, (start, end) in enumerate(zip(starts, [*starts[1:], None], strict=True))
    ]
    rows = tuple(
        Belief(since=datetime(2024, 2, 1, hour, tzinfo=UTC), until=None, spans=tuple(spans))
        for hour in (9, 17)
    )
    found = drawing(
        TwoClocks(purpose="PHOTO", beliefs=rows, whole=True),
        effective_at=starts[3],
        known_at=starts[3],
    )

    gaps = [b.at - a.at for a, b in zip(found.across, found.across[1:], strict=False)]
    assert 1 < len(found.across) < 28 and min(gaps) >= 84
    assert [tick.text for tick in found.up] == ["1 Feb 2024, 9am", "1 Feb 2024, 5pm"]


def test_the_table_has_every_box() -> None:
    table = clocks_table(PICTURE, "Two clocks", lambda one, row: f"/at/{one.decision}")
    names = [column.name for column in table.columns]
    rows = [dict(zip(names, (cell.said for cell in row), strict=True)) for row in table.rows]

    assert len(rows) == 5
    assert rows[1] == {
        "known_from": "2024-04-10T08:30:00Z",
        "known_until": None,
        "effective_from": "2024-03-01T00:00:00Z",
        "effective_until": "2024-03-12T00:00:00Z",
        "decision": "PERMIT",
        "live": ("a",),
        "page": "/at/PERMIT",
    }
    assert rows[0]["effective_from"] is None
