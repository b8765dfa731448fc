"""Pages in a language that marks what is translated, to find what is not said by ``say``.

Belongs here: that language, and reading what stands outside its marks. Does not belong here: the
pages (the tests of the rooms).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

import pytest

from mlops_assets.reporting import text
from mlops_assets.reporting.html import to_html
from mlops_assets.reporting.markdown import to_markdown
from mlops_assets.reporting.page import Page

MARKED = re.compile("⟦[^⟦⟧]*⟧")
WORDS = re.compile(r"[^\W\d_]{2,}")
OURS = {
    "text",
    "said",
    "kind",
    "type",
    "role",
    "verdict",
    "verdicts",
    "cut",
    "step",
    "why",
    "problem",
    "done",
}
"""Fields of a report whose words a page has to say, and may not copy."""

NAMED_BY_KEY = {"quarantine_reasons", "excluded_batches"}


class Marking:
    """Translations that put every template between marks."""

    def get(self, template: str, default: str | None = None) -> str | None:
        return f"⟦{template}⟧" if template.strip(" ,;") else default


class Texts(HTMLParser):
    """All that is read of a page: texts, alternative texts, labels."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.hidden = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden = tag == "style"
        self.found += [value or "" for name, value in attrs if name in ("alt", "aria-label")]

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.found.append(data)


def unsaid(page: Page, data: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts of a page, as HTML and Markdown, with a word that is neither said by ``say`` nor a
    name from ``data``, the report it shows."""
    monkeypatch.setattr(text, "translations", lambda _: Marking())
    monkeypatch.setattr(text, "separator_in", lambda separator, _: separator)
    names = set(WORDS.findall(" ".join(_names(data))))
    texts = [*Texts(to_html(page, "xx")).found, *to_markdown(page, "xx", plots=0).split("\n")]
    return [one for one in texts if set(WORDS.findall(_outside(one))) - names]


def _outside(marked: str) -> str:
    before = ""
    while marked != before:
        before, marked = marked, MARKED.sub("", marked)
    return marked


def _names(data: Any) -> Iterator[str]:
    """Every text in a report but what is ours, and the keys that are the data's own."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        for name, value in data.items():
            if name in NAMED_BY_KEY:
                yield from value
            if name not in OURS:
                yield from _names(value)
    elif isinstance(data, Iterable):
        for one in data:
            yield from _names(one)
