"""A deployment's own words: each is read as what it stands for, and none makes a question wider."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from api.authzen_words import read_words
from api.settings import load
from ledger.errors import Malformed
from tests.http.authzen import Json, act, acts, ask, entity, face, person, search
from tests.http.service import Service, recorded, scratch, subject
from tests.http.test_checks import with_categories
from tests.integration.wired import born, consent

REGISTER = "https://register.example/va/12"
WORDS = f"""
[purposes]
"{REGISTER}" = "PHOTO"
[actions]
show = {{ action = "process", purpose = "PHOTO" }}
keep = {{ action = "store" }}
process = {{ action = "store" }}
[types]
citizen = "person"
press = "recipient"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "words.toml"


@pytest.fixture(scope="module")
def service(postgres: str, module_place: Path) -> Iterator[Service]:
    path = module_place / "words.toml"
    path.write_text(WORDS)
    with (
        scratch(postgres) as where,
        face(where, catalogue=with_categories(), words=read_words(str(path))) as made,
    ):
        yield made


@pytest.fixture
def somebody(service: Service) -> UUID:
    made = subject()
    recorded(service.caller.record(made, born(), consent(made, "2026-03-02")))
    return made


def decided(service: Service, resource: Json, action: Json, **more: Json) -> bool:
    found: bool = ask(service.caller, resource, action, **more)["decision"]
    return found


def test_a_processing_activity_may_be_named_as_its_register_names_it(
    service: Service, somebody: UUID
) -> None:
    assert decided(service, person(somebody), act("collect", REGISTER))
    assert not decided(service, person(somebody), act("collect", REGISTER + "3"))
    assert not decided(service, person(subject()), act("collect", REGISTER))


def test_an_action_may_stand_for_another_and_for_its_purpose(
    service: Service, somebody: UUID
) -> None:
    citizen = entity("citizen", str(somebody))

    assert decided(service, citizen, act("show"))
    assert decided(service, citizen, act("show", "PHOTO"))
    assert decided(service, citizen, act("show", REGISTER))
    assert not decided(service, citizen, act("show", "ASSESS")), "it stands for PHOTO alone"
    assert decided(service, citizen, act("keep", "PHOTO"))
    assert not decided(service, citizen, act("keep"))


def test_the_deployments_word_goes_before_the_faces_own(service: Service, somebody: UUID) -> None:
    limited = {"type": "RestrictionApplied", "effective_at": "2026-04-01", "ground": "a"}
    recorded(service.caller.record(somebody, {**limited, "purpose": "PHOTO"}))

    assert decided(service, person(somebody), act("process", "PHOTO"))
    assert not decided(service, person(somebody), act("show"))


def test_a_subject_may_be_a_recipient_by_another_name(service: Service, somebody: UUID) -> None:
    share = act("share", "PHOTO")

    assert decided(service, person(somebody), share, subject=entity("press", "PRESS"))
    assert not decided(service, person(somebody), share, subject=entity("press", "NOBODY"))


def test_a_search_finds_the_words_that_name_a_purpose(service: Service, somebody: UUID) -> None:
    found = acts(search(service.caller, person(somebody)))

    assert [one for one in found if "properties" not in one] == [{"name": "show"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("actions = 1", "Expected `object`"),
        ("[actions]\nread = 'share'", "Expected `object`"),
        ("[actions]\nread = { action = 'erase' }", "Invalid enum value"),
        ("[actions]\nread = { purpose = 'PHOTO' }", "missing required field `action`"),
        ("[people]\nrecord = 'nobody'", "Invalid UUID"),
        ("[words]", "unknown field"),
        ("[", "is not TOML"),
    ],
)
def test_a_file_that_cannot_be_read_stops_the_service(file: Path, text: str, message: str) -> None:
    file.write_text(text)

    with pytest.raises(Malformed, match=message) as caught:
        read_words(str(file))
    assert caught.value.field == str(file)


def test_a_file_that_is_not_there_stops_the_service(file: Path) -> None:
    with pytest.raises(Malformed, match="cannot be read"):
        read_words(str(file))


@pytest.mark.parametrize(
    "url",
    [
        "http://ledger.example",
        "https://ledger.example/",
        "https://ledger.example/tenant",
        "https://ledger.example?x=1",
        "https://ledger.example#x",
        "https://me:secret@ledger.example",
        "ledger.example",
        "",
    ],
)
def test_a_public_address_is_https_and_a_host(url: str) -> None:
    with pytest.raises(Malformed, match="public_url"):
        load(environ={"LEDGER_PUBLIC_URL": url})


def test_a_public_address_is_kept_as_it_is_written() -> None:
    found = load(environ={"LEDGER_PUBLIC_URL": "https://ledger.example:8443"})

    assert found.public_url == "https://ledger.example:8443"
