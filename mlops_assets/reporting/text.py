"""What a report says in words, in a form that can be said in another language.

Belongs here: a sentence with its parts, and saying it in a language. Does not belong here: the
translations (``locale/``, read by ``translations.py``), what a report says (each stage composes its
page).

A page is composed of ``Text``; ``localised`` makes of it the same page with plain strings. What
comes from the use case or its data (titles, columns, classes) is no ``Text`` and stays as it is.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cache
from string import Formatter
from typing import Any, TypeVar

from mlops_assets.reporting.number_text import MISSING, localised_number, number_text
from mlops_assets.reporting.translations import separator_in, translations, typeset

Composed = TypeVar("Composed")


@dataclass(frozen=True)
class Text:
    """A sentence: its English ``template`` in the syntax of ``str.format``, with named ``parts``
    that are numbers, names from the data, or texts themselves. ``then`` are sentences that follow
    it, joined by ``separator``."""

    template: str
    parts: Mapping[str, Any] = field(default_factory=dict)
    then: tuple["Text | str", ...] = ()
    separator: str = " "


@dataclass(frozen=True)
class Digits:
    """A number as English writes it, where its form is part of a name: an edge of a bin."""

    text: str


def say(template: str, /, **parts: Any) -> Text:
    """The sentence ``template`` with its ``parts``. The template is written out where this is
    called, so that what has to be translated can be collected from the code.

    A number with a format in the template (``{rows:,}``, ``{share:.1%}``) is written so in the
    style of the language; a float without one with four significant digits; ``None`` and what is
    not finite as MISSING; a name or a text as it is, whatever the format.
    """
    return Text(template, parts)


def join(texts: Iterable[Text | str], separator: str = " ") -> Text:
    """Several texts as one; nothing where there are none. ``\\n\\n`` between them begins a
    paragraph."""
    first, *rest = list(texts) or [""]
    return Text("{first}", {"first": first}, tuple(rest), separator)


def mark(template: str, /) -> str:
    """The template itself: marks one that is kept in a table and said elsewhere by ``say``, so that
    it is collected for translation."""
    return template


def in_language(words: Text | str, language: str = "en") -> str:
    """The words as ``language`` says them; in English where a translation is missing.

    Raises ``KeyError`` where a template names a part that it was not given.
    """
    if isinstance(words, str):
        return words
    template = translations(language).get(words.template, "") if language != "en" else ""
    pieces = template_pieces(template or words.template)
    first = "".join(
        (typeset(literal, language) if template else literal)
        + ("" if name is None else _part(words.parts[name], spec, language))
        for literal, name, spec in pieces
    )
    if not words.then:
        return first
    separator = separator_in(words.separator, language)
    return separator.join((first, *(in_language(one, language) for one in words.then)))


def localised(composed: Composed, language: str = "en") -> Composed:
    """The same page, section, table or plot with a plain string for every ``Text`` in it."""
    return _said(composed, language)  # type: ignore[no-any-return]


def as_data(words: Text | str) -> Any:
    """The words as JSON-able values, for a report whose page says them in another language."""
    if isinstance(words, str):
        return words
    data: dict[str, Any] = {"template": words.template}
    if words.parts:
        data["parts"] = {name: _part_as_data(part) for name, part in words.parts.items()}
    if words.then:
        data["then"] = [as_data(one) for one in words.then]
        data["separator"] = words.separator
    return data


def from_data(data: Any) -> Text | str:
    """The words that ``as_data`` wrote down."""
    if isinstance(data, str):
        return data
    parts = {name: _part_from_data(part) for name, part in data.get("parts", {}).items()}
    then = tuple(from_data(one) for one in data.get("then", ()))
    return Text(data["template"], parts, then, data.get("separator", " "))


@cache
def template_pieces(template: str) -> tuple[tuple[str, str | None, str], ...]:
    """A template as literals, each with the name and format of the part that follows it."""
    return tuple(
        (literal, name, spec or "") for literal, name, spec, _ in Formatter().parse(template)
    )


def _part(value: Any, spec: str, language: str) -> str:
    match value:
        case str() | Text():
            return in_language(value, language)
        case Digits():
            return localised_number(value.text, language)
        case None:
            return in_language(Text(MISSING), language)
        case bool():
            return in_language(say("yes") if value else say("no"), language)
        case float() if not math.isfinite(value):
            return in_language(Text(MISSING), language)
        case float() if not spec:
            return number_text(value, language)
        case _:
            return localised_number(format(value, spec), language)


def _part_as_data(part: Any) -> Any:
    if isinstance(part, Digits):
        return {"digits": part.text}
    return as_data(part) if isinstance(part, Text) else part


def _part_from_data(part: Any) -> Any:
    if isinstance(part, Mapping):
        return Digits(part["digits"]) if "digits" in part else from_data(part)
    return part


def _said(value: Any, language: str) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Text):
        return in_language(value, language)
    if isinstance(value, tuple | list):
        return tuple(_said(one, language) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{one.name: _said(getattr(value, one.name), language) for one in fields(value)}
        )
    return value
