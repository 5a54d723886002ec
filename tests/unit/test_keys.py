"""Data keys: how a destroyed one is recognised."""

import hashlib

from ledger.keys import fingerprint


def test_a_key_has_its_published_fingerprint():
    secret = hashlib.sha256(b"demo dek").digest()
    assert fingerprint(secret).hex() == (
        "f2f62bdcbd1555d5af08439aadc9d7ebd60074ec64a17bea20e318a8db517634"
    )
