"""Pages of a pack: whatever is in a text is shown as it stands, and nothing is loaded or run."""

import base64
import re
from hashlib import sha256
from html.parser import HTMLParser

from projections.packs.bag import BagInfo, zipped_bag
from projections.packs.document import (
    Block,
    Code,
    Document,
    Heading,
    Paragraph,
    Points,
    Table,
    Terms,
)
from projections.packs.html import page
from projections.packs.pdf import pdf
from projections.packs.verifier.container import check_bag, unzipped
from tests.integration.packing import MADE

HOSTILE = (
    '<script>alert(1)</script><img src="https://elsewhere.example/x">',
    '"><a href="javascript:alert(1)">x</a>',
    '#eval(read("/etc/passwd")) $x$ *b* _i_ @ref `raw` // gone \\u{1}',
    "&lt;b&gt; &amp; ]]> {{ x }} \u202e \u00e4\u6f22\U0001f600",
    "w" * 300,
    "",
)


def document(texts: tuple[str, ...]) -> Document:
    """Every kind of block, full of these."""
    blocks: list[Block] = [Heading(1, texts[0])]
    for one in texts:
        blocks += [
            Heading(2, one or "none"),
            Paragraph(one),
            Points((one, "second")),
            Code(one),
            Terms(((one, one),)),
            Table(one or "none", ("A", one), ((one, f"{one}\n{one}"), ("1", "2"))),
        ]
    return Document(title=texts[0], blocks=tuple(blocks))


class Tags(HTMLParser):
    """What stands open, what was there, and the text of it all."""

    VOID = ("meta",)

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(made: bytes) -> Tags:
    tags = Tags()
    tags.feed(made.decode("utf-8"))
    tags.close()
    assert tags.open == []
    return tags


def test_a_page_runs_nothing_and_loads_nothing() -> None:
    tags = read(page(document(HOSTILE)))
    names = {name for name, _ in tags.seen}
    assert names <= {
        "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "ul", "li",
        "pre", "code", "dl", "dt", "dd", "div", "table", "caption", "thead", "tbody", "tr", "th",
        "td",
    }  # fmt: skip
    attributes = {name for _, attrs in tags.seen for name in attrs}
    assert not {"src", "href", "style"} & attributes
    assert not any(name.startswith("on") for name in attributes)


def test_the_policy_of_the_page_lets_its_own_style_through_and_nothing_else() -> None:
    made = page(document(HOSTILE)).decode()
    (policy,) = (
        attrs["content"] or ""
        for name, attrs in read(made.encode()).seen
        if name == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
    )
    found = re.search("<style>(.*?)</style>", made, re.DOTALL)
    assert found is not None
    digest = base64.b64encode(sha256(found[1].encode()).digest()).decode()
    assert policy.split("; ")[:2] == ["default-src 'none'", f"style-src 'sha256-{digest}'"]
    assert "unsafe" not in policy
    assert "url(" not in found[1] and "@import" not in found[1]


def test_every_text_is_shown_as_it_stands() -> None:
    shown = read(page(document(HOSTILE))).texts
    for one in HOSTILE:
        assert not one or one in shown
    assert "<title>&lt;script&gt;" in page(document(HOSTILE)).decode()


def test_a_page_can_be_read_by_ear() -> None:
    seen = read(page(document(HOSTILE))).seen
    assert ("html", {"lang": "en-GB"}) in seen
    names = [name for name, _ in seen]
    assert names.count("h1") == names.count("main") == names.count("title") == 1
    assert names.count("table") == names.count("caption")
    assert all(attrs.get("scope") in ("col", "row") for name, attrs in seen if name == "th")
    wide = [attrs for name, attrs in seen if name == "div"]
    assert all(attrs["role"] == "region" and attrs["aria-label"] for attrs in wide)


def test_a_pdf_is_made_of_any_text_and_is_the_same_every_time() -> None:
    made = pdf(document(HOSTILE))
    assert made.startswith(b"%PDF-")
    assert pdf(document(HOSTILE)) == made
    assert b"/StructTreeRoot" in made, "it is tagged"
    assert pdf(document(("other", *HOSTILE))) != made


def test_a_pdf_says_that_it_is_accessible_unless_a_character_cannot_be_shown() -> None:
    plain = tuple(one for one in HOSTILE if one.isascii())
    assert b"pdfuaid" in pdf(document(plain))
    assert b"pdfuaid" not in pdf(document(HOSTILE))


def test_a_bag_is_the_same_every_time_and_holds_what_was_put_in() -> None:
    info = BagInfo(day=MADE.date(), name="pack-1-1", description="d", software="s")
    files = {"b.txt": b"b", "a/c.txt": bytes(range(256)), "empty.txt": b""}
    data = zipped_bag(files, info)
    assert data == zipped_bag(dict(reversed(files.items())), info)
    inside = unzipped(data)
    check_bag(inside)
    assert {f"data/{name}": text for name, text in files.items()}.items() <= inside.items()
    assert inside["bag-info.txt"].splitlines()[-1] == b"Payload-Oxum: 257.3"
