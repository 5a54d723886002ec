"""Two moments compared over HTTP: each side is the very answer that a check gives."""

from tests.http.routes import GRANT
from tests.http.service import Service, answer_of, recorded, subject

E_BEFORE, E_AFTER = "2026-02-01T00:00:00Z", "2026-05-01T00:00:00Z"


def test_each_side_is_the_answer_of_a_check_and_names_its_positions(service: Service) -> None:
    person = subject()
    first = recorded(service.caller.record(person, GRANT))
    gone = {"type": "ConsentWithdrawn", "effective_at": "2026-04-01", "purpose": "PHOTO",
            "given_by": str(person), "capacity": "SELF"}  # fmt: skip
    second = recorded(service.caller.record(person, gone))
    known = [one["entries"][0]["recorded_at"] for one in (first, second)]

    response = service.caller.http.get(
        f"/v1/subjects/{person}/bases/diff",
        params={
            "effective_at": E_BEFORE,
            "known_at": known[0],
            "then_effective_at": E_AFTER,
            "then_known_at": known[1],
        },
    )

    (photo,) = [one for one in response.json()["purposes"] if one["purpose"] == "PHOTO"]
    before, after = (
        answer_of(service.caller.check(person, effective_at=e, known_at=k, explain="full"))
        for e, k in zip((E_BEFORE, E_AFTER), known, strict=True)
    )
    assert (photo["before"], photo["after"]) == (before, after)
    assert [photo[side]["position"] for side in ("before", "after")] == [
        first["position"],
        second["position"],
    ]


def test_a_moment_before_everything_names_the_empty_log(service: Service) -> None:
    long_ago = "2001-01-01T00:00:00Z"
    moments = {"effective_at": long_ago, "known_at": long_ago}
    then = {f"then_{name}": moment for name, moment in moments.items()}

    response = service.caller.http.get(
        f"/v1/subjects/{subject()}/bases/diff", params=moments | then
    )

    assert response.status_code == 200, response.text
    for one in response.json()["purposes"]:
        assert (one["before"]["position"], one["after"]["catalogue"]) == ("0:0", "0:0")
