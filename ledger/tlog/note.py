"""A note: text signed by one or more keys, c2sp.org/signed-note.

    <text, ending in a newline>
    <an empty line>
    — <key name> <base64 of key ID ‖ signature>

One spelling only: what `parse_note` accepts, `format_note` writes byte for byte. A signature counts
for nothing before its key has verified it (`keys`). Not here: what the text says (`checkpoint`).
"""

import base64
import binascii
from dataclasses import dataclass

from ledger.errors import Fault

SIGNATURES_MAX = 100
NOTE_BYTES_MAX = 1_000_000
KEY_ID_BYTES = 4
DASH = "— "


class MalformedNote(Fault):
    """Bytes or values that are no note."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """One signature line; `value` is what follows the key ID."""

    name: str
    key_id: bytes
    value: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """A text with its signatures, none of them verified."""

    text: str
    signatures: tuple[Signature, ...]


def parse_note(data: bytes) -> Note:
    """The note that these very bytes spell; raises `MalformedNote`."""
    if len(data) > NOTE_BYTES_MAX:
        raise MalformedNote(f"a note has at most {NOTE_BYTES_MAX} bytes")
    written = _decoded(data)
    text, separator, lines = written.rpartition("\n\n")
    if not separator:
        raise MalformedNote("a note has a text, an empty line and signatures")
    return Note(text=text + "\n", signatures=parse_signatures(lines))


def format_note(note: Note) -> bytes:
    """The one spelling of the note; raises `MalformedNote` for values that no note can have."""
    lines = "".join(format_signature(one) for one in note.signatures)
    data = f"{note.text}\n{lines}".encode("utf-8", "surrogatepass")
    if parse_note(data) != note:
        raise MalformedNote("the text or a name cannot stand in a note")
    return data


def parse_signatures(lines: str) -> tuple[Signature, ...]:
    """Signature lines, one or more, each ended by a newline."""
    if not lines.endswith("\n"):
        raise MalformedNote("a signature line ends in a newline")
    parts = lines[:-1].split("\n")
    if len(parts) > SIGNATURES_MAX:
        raise MalformedNote(f"a note has at most {SIGNATURES_MAX} signatures")
    return tuple(_signature(part) for part in parts)


def format_signature(one: Signature) -> str:
    """The signature as a line."""
    return f"{DASH}{one.name} {base64_of(one.key_id + one.value)}\n"


def check_name(name: str) -> None:
    """Raise `MalformedNote` for what cannot be the name of a key."""
    if not name or "+" in name or any(each.isspace() for each in name):
        raise MalformedNote("the name of a key is not empty and has no space and no plus sign")


def base64_of(data: bytes) -> str:
    """Standard base64, RFC 4648 section 4."""
    return base64.b64encode(data).decode("ascii")


def from_base64(text: str) -> bytes:
    """What the text encodes; raises `MalformedNote` where another text encodes the same."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedNote("base64 is expected") from None
    if base64_of(data) != text:
        raise MalformedNote("base64 is not canonical")
    return data


def _decoded(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedNote("a note is UTF-8") from None
    if any(each < " " and each != "\n" for each in text):
        raise MalformedNote("a note has no control characters but newlines")
    return text


def _signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(DASH).partition(" ")
    if not line.startswith(DASH) or not space:
        raise MalformedNote("a signature line is a dash, a name and base64")
    check_name(name)
    data = from_base64(encoded)
    if len(data) <= KEY_ID_BYTES:
        raise MalformedNote("a signature has a key ID and at least one byte")
    return Signature(name=name, key_id=data[:KEY_ID_BYTES], value=data[KEY_ID_BYTES:])
