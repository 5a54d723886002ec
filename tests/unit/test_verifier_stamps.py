"""Time stamps as OpenSSL makes them: the verifier reads what each is over, and no more."""

from pathlib import Path

import pytest

from tests.packs_attacks import Case, files
from tests.packs_bag import bagged, zipped
from tests.packs_log import story
from tests.unit.authority import WITH_CHAIN, Authority
from tests.unit.test_verifier_hostile import result

pytestmark = pytest.mark.openssl


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """It stamps the text of the head's note."""
    made = Authority(tmp_path)
    (tmp_path / "note.txt").write_text(story().checkpoint(13).text)
    return made


def stamped(authority: Authority, kind: str) -> bytes:
    """The reply to a query with this kind of hash."""
    authority.openssl("ts", "-query", "-data", "note.txt", f"-{kind}", "-cert", "-out", "query")
    made = ("ts", "-reply", "-queryfile", "query", "-out", "reply", "-config", "tsa.cnf")
    authority.openssl(*made)
    return (authority.folder / "reply").read_bytes()


@pytest.mark.parametrize("kind", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("more", ["", WITH_CHAIN], ids=["signer", "chain"])
def test_what_a_stamp_is_over_is_read(authority: Authority, kind: str, more: str) -> None:
    authority.configure(digests="sha256, sha384, sha512", more=more)
    right = stamped(authority, kind)
    (authority.folder / "note.txt").write_text(story().checkpoint(9).text)
    wrong = stamped(authority, kind)

    said = [
        result(Case(pack=zipped(bagged({**files(), "anchors/13.1.tsr": each}))), "anchors")
        for each in (right, wrong)
    ]

    assert said[0].startswith("anchors: NOT CHECKED 1 are over these checkpoints")
    assert said[1] == "anchors: FAIL E_ANCHOR anchors/13.1.tsr: over something else"


def test_whose_it_is_openssl_says_as_the_verifier_advises(authority: Authority) -> None:
    stamped(authority, "sha256")

    said = authority.openssl(
        *("ts", "-verify", "-in", "reply", "-data", "note.txt", "-CAfile", "chain.pem")
    )

    assert "Verification: OK" in said
