"""Bodies that mean harm or nothing, made from a body that is good: families of them, each by name.

Not here: bytes that are no request at all, or not the request that they seem (`hostile_wire`).
"""

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

JSON = b"application/json"
LARGE = 200_000
PATHS_MAX = 40
"""Places of a body that are made wrong one by one."""


class Hostile(NamedTuple):
    """A body, and the header fields that it is sent with; none where it has no content type."""

    name: str
    content: bytes
    fields: tuple[tuple[bytes, bytes], ...] = ((b"content-type", JSON),)


Family = Callable[[dict[str, Any]], Iterator[Hostile]]
Place = tuple[str | int, ...]


def places(value: Any, within: Place = ()) -> Iterator[Place]:
    """Every place in the value, itself left out."""
    if not isinstance(value, dict | list):
        return
    for step, one in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*within, step)
        yield from places(one, (*within, step))


def put(value: Any, place: Place, new: Any) -> Any:
    """The value with another one at the place."""
    if not place:
        return new
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = put(value[place[0]], place[1:], new)
    return copy


def at(value: Any, place: Place) -> Any:
    """What stands there."""
    for step in place:
        value = value[step]
    return value


def texts(body: dict[str, Any]) -> list[Place]:
    """Places of text."""
    return [one for one in places(body) if isinstance(at(body, one), str)][:PATHS_MAX]


def with_member(body: dict[str, Any], member: str) -> bytes:
    """The body with one more member, as it is written."""
    return f"{json.dumps(body)[:-1]}, {member}}}".encode()


def depth(body: dict[str, Any]) -> Iterator[Hostile]:
    """What costs a reader its stack."""
    for many in (33, 500, 5_000, 100_000):
        yield Hostile(f"{many} arrays", b"[" * many + b"]" * many)
        yield Hostile(f"{many} arrays that do not end", b"[" * many)
        yield Hostile(f"{many} objects", b'{"a":' * many + b"1" + b"}" * many)
        yield Hostile(f"{many} within", with_member(body, '"x": ' + "[" * many + "]" * many))
    yield Hostile("closing only", b"]" * LARGE)
    yield Hostile("brackets in text", with_member(body, f'"x": "{"[" * LARGE}"'))


def twice(body: dict[str, Any]) -> Iterator[Hostile]:
    """Names that stand twice, of which readers take one or the other."""
    for name in body:
        value = json.dumps(body[name])
        yield Hostile(f"{name} twice", with_member(body, f'"{name}": {value}'))
        yield Hostile(f"{name} and null", with_member(body, f'"{name}": null'))
        escaped = "".join(f"\\u{ord(letter):04x}" for letter in name)
        yield Hostile(f"{name} escaped", with_member(body, f'"{escaped}": {value}'))
    yield Hostile("a thousand times", with_member(body, ", ".join(['"x": 1'] * 1_000)))
    yield Hostile("deeper", with_member(body, '"x": {"a": {"b": 1, "b": 2}}'))


def numbers(body: dict[str, Any]) -> Iterator[Hostile]:
    """Numbers that are none, or that no double holds."""
    for text in (
        "NaN", "Infinity", "-Infinity", "1e999", "-1e999", str(2**53), str(-(2**53)), "9" * 5_000,
        "1" + "0" * 400, "0x10", "01", "-01", "1.", ".5", "+1", "1e", "1e+", "--1", "1_000", "1,5",
        "0" * LARGE, "1e-999999999", "0.1" + "0" * 5_000, "\u0661",
    ):  # fmt: skip
        yield Hostile(f"number {text[:20]}", with_member(body, f'"x": {text}'))


def encodings(body: dict[str, Any]) -> Iterator[Hostile]:
    """Text in another encoding, or in none."""
    text = json.dumps(body)
    yield Hostile("byte order mark", b"\xef\xbb\xbf" + text.encode())
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be",
                     "utf-7", "cp037"):  # fmt: skip
        yield Hostile(encoding, text.encode(encoding))
    for name, octets in {
        "overlong NUL": b"\xc0\x80",
        "overlong slash": b"\xc0\xaf",
        "overlong of three": b"\xe0\x80\xaf",
        "overlong of four": b"\xf0\x80\x80\xaf",
        "continuation alone": b"\x80",
        "ended early": b"\xe2\x82",
        "surrogate as such": b"\xed\xa0\x80",
        "pair of surrogates": b"\xed\xa0\xbd\xed\xb8\x80",
        "beyond Unicode": b"\xf4\x90\x80\x80",
        "of five octets": b"\xf8\x88\x80\x80\x80",
        "FE FF": b"\xfe\xff",
        "latin-1": b"\xe9",
    }.items():
        yield Hostile(name, with_member(body, '"x": "?"').replace(b"?", octets))
        yield Hostile(f"{name} in a name", with_member(body, '"?": 1').replace(b"?", octets))


def surrogates(body: dict[str, Any]) -> Iterator[Hostile]:
    """Half of a pair, escaped as JSON allows and Unicode does not."""
    for text in ("\\ud800", "\\udfff", "\\ude00\\ud83d", "\\ud83d\\ud83d", "\\uD83Dx", "\\ud83"):
        yield Hostile(f"surrogate {text}", with_member(body, f'"x": "{text}"'))
        yield Hostile(f"surrogate {text} in a name", with_member(body, f'"{text}": 1'))
        for place in texts(body)[:2]:
            marked = json.dumps(put(body, place, "MARK")).replace("MARK", text)
            yield Hostile(f"surrogate {text} at {place}", marked.encode())


def cut(body: dict[str, Any]) -> Iterator[Hostile]:
    """A body that ends before it is whole, or goes on after."""
    text = json.dumps(body).encode()
    step = max(1, len(text) // 25)
    for end in range(0, len(text), step):
        yield Hostile(f"cut at {end}", text[:end])
    for name, more in {
        "twice": text,
        "a comma": b",",
        "a brace": b"}",
        "NUL": b"\0",
        "x": b"x",
    }.items():
        yield Hostile(f"then {name}", text + more)


VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 20240314, 1.5, "", "20240314", [], {}, [[]],
)  # fmt: skip


def types(body: dict[str, Any]) -> Iterator[Hostile]:
    """A value of another type at every place."""
    for place in [*places(body)][:PATHS_MAX]:
        for value in VALUES:
            yield Hostile(f"{value!r} at {place}", json.dumps(put(body, place, value)).encode())
    for name in body:
        left = {key: value for key, value in body.items() if key != name}
        yield Hostile(f"without {name}", json.dumps(left).encode())


def huge(body: dict[str, Any]) -> Iterator[Hostile]:
    """More than anybody means."""
    for place in texts(body)[:6]:
        yield Hostile(f"long at {place}", json.dumps(put(body, place, "a" * LARGE)).encode())
    yield Hostile("long name", with_member(body, f'"{"a" * LARGE}": 1'))
    many = ", ".join(f'"x{n}": 1' for n in range(15_000))
    yield Hostile("many members", with_member(body, many))
    yield Hostile("many elements", with_member(body, f'"x": [{", ".join("1" * 60_000)}]'))
    yield Hostile("too long", b" " * 400_000 + json.dumps(body).encode())
    yield Hostile("escapes", with_member(body, '"x": "' + "\\u0041" * 30_000 + '"'))
    for place in [one for one in places(body) if isinstance(at(body, one), list)][:2]:
        some = at(body, place)[:1] * 1_001
        yield Hostile(f"1001 at {place}", json.dumps(put(body, place, some)).encode()[:290_000])


WORDS = {
    "NUL": "\0",
    "a control": "\x1b[31m\x07",
    "DEL": "\x7f",
    "lines": "a\r\nSet-Cookie: a=b\r\n\r\nb",
    "separators": "\u2028\u2029",
    "right to left": "\u202eDENY\u202c",
    "no width": "PHO\u200bTO",
    "an alike": "РНОТО",
    "wide": "ＰＨＯＴＯ",
    "marks": "e" + "\u0301" * 500,
    "joined": "👩\u200d👩\u200d👧\u200d👦" * 20,
    "digits of others": "٢٠٢٦-٠١-٠١",
    "no character": "\uffff\ufffe",
    "private": "\ue000\U0010fffd",
    "tags": "\U000e0041\U000e007f",
    "SQL": "'; DROP TABLE entry; --",
    "SQL wild": "%_\\",
    "a template": "{{7*7}}${7*7}<%=7*7%>",
    "a lookup": "${jndi:ldap://127.0.0.1/a}",
    "a script": "<script>alert(1)</script>",
    "a path": "../../../../etc/passwd",
    "a file": "file:///etc/passwd",
    "a format": "%s%n%x{0.__class__}",
    "a prototype": "__proto__",
    "a shell": "$(id); `id` | id",
    "leap second": "2016-12-31T23:59:60Z",
    "a day that is none": "2026-02-30",
    "the last day": "9999-12-31",
    "before the first": "0000-00-00T00:00:00Z",
    "no offset": "2026-01-01T00:00:00",
    "the empty UUID": "00000000-0000-0000-0000-000000000000",
}


def words(body: dict[str, Any]) -> Iterator[Hostile]:
    """Text that something behind might take for more than text."""
    for place in texts(body)[:5]:
        for name, word in WORDS.items():
            yield Hostile(f"{name} at {place}", json.dumps(put(body, place, word)).encode())
    for name, word in WORDS.items():
        yield Hostile(f"{name} as a name", json.dumps({**body, word: 1}).encode())


def controls(body: dict[str, Any]) -> Iterator[Hostile]:
    """Control characters as they are, which JSON does not allow in text."""
    for code in (*range(0x20), 0x7F):
        octet = bytes([code])
        yield Hostile(f"control {code}", with_member(body, '"x": "?"').replace(b"?", octet))
    for octet in (b"\0", b"\x0b", b"\x0c", b"\xc2\xa0", b"\xe2\x80\xa8", b"\xef\xbb\xbf"):
        yield Hostile(f"space {octet!r}", octet + json.dumps(body).encode())


def kinds(body: dict[str, Any]) -> Iterator[Hostile]:
    """A good body that says it is something else, or nothing."""
    text = json.dumps(body).encode()
    for kind in (
        b"text/plain", b"text/json", b"application/xml", b"application/x-www-form-urlencoded",
        b"multipart/form-data; boundary=x", b"application/json-seq", b"application/jsonp",
        b"application/json; charset=utf-16", b"application/json; charset=", b"json", b"*/*", b"",
        b"application/json, application/json", b"application/json;", b"application/ json",
        b"application/json\xa0", b"application/json; charset=utf-8; charset=utf-7",
        b"application/cbor", b"application/problem+json", b"a" * 5_000,
    ):  # fmt: skip
        yield Hostile(f"content type {kind[:40]!r}", text, ((b"content-type", kind),))
    yield Hostile("no content type", text, ())
    yield Hostile("two content types", text, ((b"content-type", JSON),) * 2)
    for coding in (b"gzip", b"deflate", b"br", b"zstd", b"identity, gzip", b"chunked", b"x"):
        fields = ((b"content-type", JSON), (b"content-encoding", coding))
        yield Hostile(f"coding {coding!r}", gzip.compress(text), fields)


def others(body: dict[str, Any]) -> Iterator[Hostile]:
    """What is no JSON, or another JSON."""
    text = json.dumps(body)
    for name, other in {
        "nothing": "", "spaces": " \n\t ", "null": "null", "true": "true", "a number": "0",
        "text": '"x"', "an array": f"[{text}]", "empty": "{}", "a comment": f"/* */{text}",
        "a line comment": f"{text}//", "a comma too many": text[:-1] + ",}", "unquoted": "{a: 1}",
        "single quotes": text.replace('"', "'"), "Python": repr(body), "JSONP": f"f({text})",
        "a guard": f")]}}',\n{text}", "YAML": "a: &a [*a]", "a form": "a=b&c=d", "two": text * 2,
        "lines": f"{text}\n{text}", "HTML": "<!doctype html>",
        "pickled": "cos\nsystem\n(S'id'\ntR.",
        "entities": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        "a record": f"\x1e{text}", "a colon": '{"a"}', "a name that is none": "{1: 2}",
    }.items():  # fmt: skip
        yield Hostile(name, other.encode())
    yield Hostile("packed", gzip.compress(text.encode()))
    yield Hostile("octets", bytes(range(256)) * 8)


FAMILIES: tuple[Family, ...] = (
    depth, twice, numbers, encodings, surrogates, cut, types, huge, words, controls, kinds, others,
)  # fmt: skip


def bodies(body: dict[str, Any]) -> Iterator[Hostile]:
    """The whole corpus, made of this body."""
    for family in FAMILIES:
        yield from family(body)
