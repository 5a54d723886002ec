"""RFC 3161 time stamps: asked of an authority, and verified before anybody keeps one.

Needs the extra `anchor` (`rfc3161-client`): whoever imports this has seen that a stamp is wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from api.outward import Answered, Outward, Unanswered
from ledger.errors import Malformed
from projections.anchoring import NotStamped, Stamped

QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"
SKEW_S = 300
"""How far the clock of an authority may be from ours."""


class Authority:
    """A time-stamping authority at its address, trusted through the certificates of a chain."""

    def __init__(self, url: str, chain: Sequence[x509.Certificate], client: Outward) -> None:
        self.target = url
        self._chain = chain
        self._client = client

    async def stamp(self, text: bytes, *, now: int) -> Stamped:
        """A stamp over the text, whose time is near `now`; raises `NotStamped`."""
        request = (
            TimestampRequestBuilder()
            .data(text)
            .hash_algorithm(HashAlgorithm.SHA256)
            .cert_request(cert_request=True)
            .build()
        )
        try:
            answer = await self._client.post(self.target, request.as_bytes(), media_type=QUERY)
        except Unanswered as error:
            raise NotStamped(f"the authority {error}", reason="unreachable") from None
        response = _response(answer)
        made_at = verified_time(response, text, self._chain, nonce=request.nonce)
        if abs(made_at.timestamp() - now) > SKEW_S:
            raise NotStamped(f"the authority's clock is more than {SKEW_S} s away", reason="clock")
        return Stamped(evidence=answer.body, made_at=made_at)


def verified_time(
    response: TimeStampResponse,
    text: bytes,
    chain: Sequence[x509.Certificate],
    *,
    nonce: int | None = None,
) -> datetime:
    """When the authority stamped this text; raises `NotStamped` where it cannot be told."""
    verifier = VerifierBuilder(
        roots=[one for one in chain if _is_root(one)],
        intermediates=[one for one in chain if not _is_root(one)],
        nonce=nonce,
    ).build()
    try:
        verifier.verify_message(response, text)
        return response.tst_info.gen_time.astimezone(UTC)
    except (VerificationError, ValueError) as error:
        raise NotStamped(f"the time stamp does not verify: {error}", reason="unreadable") from None


def read_chain(path: str, *, field: str) -> list[x509.Certificate]:
    """The certificates of the file, PEM: the authority's root, and those below it if any.

    Raises `Malformed` naming the field.
    """
    try:
        found = x509.load_pem_x509_certificates(Path(path).read_bytes())
    except OSError as error:
        raise Malformed(f"cannot be read: {error.strerror}", field=field) from error
    except ValueError as error:
        raise Malformed("holds no certificates in PEM", field=field) from error
    if not any(_is_root(one) for one in found):
        raise Malformed("holds no root certificate, one that is its own issuer", field=field)
    return found


def _is_root(one: x509.Certificate) -> bool:
    return one.issuer == one.subject


def _response(answer: Answered) -> TimeStampResponse:
    if answer.code != 200 or answer.media_type != REPLY:
        message = f"the authority answers with {answer.code} and no {REPLY}"
        raise NotStamped(message, reason="refused")
    try:
        response = decode_timestamp_response(answer.body)
    except ValueError as error:
        message = f"the authority's answer cannot be read: {error}"
        raise NotStamped(message, reason="unreadable") from None
    if response.status != PKIStatus.GRANTED:
        raise NotStamped("the authority gives no stamp", reason="refused")
    return response
