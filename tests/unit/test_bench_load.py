"""What the load generator takes for an answer, and the people that it asks about."""

import pytest

from ops.bench.load import Broken, Expected, check, whole
from ops.bench.people import PURPOSE, SKEW, people

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 21\r\n\r\n"
BODY = b'{"decision":"PERMIT"}'
EXPECTED = Expected(request=b"", code=200, holds={'"decision":"PERMIT"': 1})


def test_an_answer_is_whole_once_all_of_its_body_is_there() -> None:
    answer = HEAD + BODY
    assert [whole(answer[:n]) for n in range(len(answer))] == [None] * len(answer)
    assert whole(answer) == len(HEAD)


def test_an_answer_without_a_length_is_none() -> None:
    with pytest.raises(Broken, match="without a length"):
        whole(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")


def test_the_answer_expected_passes() -> None:
    check(EXPECTED, HEAD + BODY, len(HEAD))


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        (EXPECTED, HEAD.replace(b"200 OK", b"503 No") + BODY),
        (EXPECTED, HEAD + BODY.replace(b"PERMIT", b"DENY!!")),
        (EXPECTED, HEAD + BODY + BODY),
        (None, HEAD + BODY),
    ],
    ids=["another code", "another decision", "twice", "nobody asked"],
)
def test_any_other_answer_is_an_error(expected: Expected | None, answer: bytes) -> None:
    with pytest.raises(Broken):
        check(expected, answer, len(HEAD))


def test_what_stands_in_the_headers_is_no_answer() -> None:
    answer = HEAD.replace(b"application/json", b'"decision":"PERMIT"') + BODY.replace(
        b"PER", b"xxx"
    )
    with pytest.raises(Broken):
        check(EXPECTED, answer, answer.index(b"\r\n\r\n") + 4)


def test_the_same_seed_makes_the_same_people() -> None:
    assert list(people(20, seed="a")) == list(people(20, seed="a"))
    assert list(people(20, seed="a")) != list(people(20, seed="b"))


def test_most_people_have_few_entries_and_a_few_have_a_thousand() -> None:
    sizes = sorted(len(one.entries) for one in people(3000, seed="sizes"))
    assert sizes[0] >= SKEW[0][1]
    assert sizes[len(sizes) // 2] <= SKEW[0][2]
    assert 900 <= sizes[-1] < 1000


def test_the_last_word_about_photographs_decides() -> None:
    for one in people(200, seed="decisions"):
        last = one.entries[-1]
        assert last["purpose"] == PURPOSE
        assert (last["type"] == "ConsentGranted") is (one.decision == "PERMIT")
        instants = [str(each["effective_at"]) for each in one.entries]
        assert instants == sorted(instants)
