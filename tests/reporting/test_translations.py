"""Every sentence of the code has its French, with the same parts, and no other is translated."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from mlops_assets.answers import LOSS_NAMES
from mlops_assets.governance.policy import MEASURES
from mlops_assets.reporting.text import template_pieces
from mlops_assets.reporting.translations import LOCALE

PACKAGE = LOCALE.parents[1]
FILES = sorted((LOCALE / "fr").glob("*.po"))
TABLES = {
    "answers.py": tuple(LOSS_NAMES.values()),
    "governance/policy.py": tuple(measure.words for measure in MEASURES.values()),
}
"""Templates of modules that ``say`` nothing themselves."""
SAYING = ("say", "mark")
FRENCH_MARKS = re.compile(r"[;:?!»]")


def said_in(path: Path) -> Iterator[str]:
    """The literal first argument of every call of ``say`` and ``mark`` of ``reporting/text.py``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "mlops_assets.reporting.text"
        for alias in node.names
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
            continue
        first = node.args[0]
        if node.func.id in imported.intersection(SAYING) and isinstance(first, ast.Constant):
            assert isinstance(first.value, str), f"{path}: {ast.unparse(node)}"
            yield first.value


def everything_said() -> dict[str, list[str]]:
    """Every template of the code with the modules that say it."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        for template in (*said_in(path), *TABLES.get(name, ())):
            if name not in found[template]:
                found[template].append(name)
    return found


def has_words(template: str) -> bool:
    """Whether there is something to translate beside parts, digits and punctuation."""
    return any(any(map(str.isalpha, literal)) for literal, _, _ in template_pieces(template))


def catalog(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale="fr", abort_invalid=True)


def parts(template: str) -> set[tuple[str, str]]:
    return {(name, spec) for _, name, spec in template_pieces(template) if name is not None}


def entries() -> list[tuple[str, str, str]]:
    """File, msgid and msgstr of every translation."""
    return [
        (path.name, str(one.id), str(one.string))
        for path in FILES
        for one in catalog(path)
        if one.id
    ]


def test_every_sentence_has_its_french() -> None:
    french = {template for _, template, translation in entries() if translation}
    missing = defaultdict(list)
    for template, modules in everything_said().items():
        if has_words(template) and template not in french:
            missing[modules[0]].append(template)
    listed = "".join(
        f"\n{module}:" + "".join(f"\n    {template!r}" for template in templates)
        for module, templates in sorted(missing.items())
    )
    assert not missing, f"no French in reporting/locale/fr/*.po for:{listed}"


def test_nothing_is_translated_that_is_not_said() -> None:
    said = everything_said()
    unused = [f"{name}: {template!r}" for name, template, _ in entries() if template not in said]
    assert not unused, "no say() or mark() has these:\n" + "\n".join(unused)


def test_every_translation_has_the_parts_of_its_sentence() -> None:
    other = [
        f"{name}: {template!r} -> {translation!r}"
        for name, template, translation in entries()
        if parts(template) != parts(translation)
    ]
    assert not other, "other parts:\n" + "\n".join(other)


def test_one_sentence_has_one_translation() -> None:
    found = defaultdict(set)
    for name, template, translation in entries():
        found[template].add((translation, name))
    doubled = {
        template: sorted(translations)
        for template, translations in found.items()
        if len({translation for translation, _ in translations}) > 1
    }
    assert not doubled, f"translated differently: {doubled}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_french_has_a_space_before_its_double_punctuation(path: Path) -> None:
    wrong = [
        translation
        for name, _, translation in entries()
        if name == path.name
        for literal, _, _ in template_pieces(translation)
        if any(
            at.start() and not literal[at.start() - 1].isspace()
            for at in FRENCH_MARKS.finditer(literal)
        )
    ]
    assert not wrong, "\n".join(wrong)
