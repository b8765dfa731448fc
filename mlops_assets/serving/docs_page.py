"""The server's description as a page for people: ``/docs``.

Belongs here: the page made of what ``openapi.py`` says, operation by operation, with a form that
asks for one prediction. Does not belong here: how it looks and what it does (``docs_assets.py``),
or the description itself. The page is one file, asks no other server for anything, and its content
security policy lets it do no more than that.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from typing import Any

from mlops_assets.serving.docs_assets import SCRIPT, STYLE
from mlops_assets.serving.openapi import PREDICT

Described = Mapping[str, Any]
INFER_HEADER = "-H 'Content-Type: application/json'"


def docs_page(description: Described) -> tuple[str, str]:
    """The page as HTML, and its content security policy.

    ``description`` is what ``openapi`` returns. The same description gives the same page.
    """
    info, schemas = description["info"], description["components"]["schemas"]
    paths = description["paths"]
    body = "\n".join(
        [
            f"<header><h1>{_text(info['title'])}</h1>{_prose(info['summary'])}",
            _facts({"release": info["version"], "description": "openapi.json"}),
            f"{_prose(info['description'])}</header>",
            _contents(description),
            '<main><section aria-labelledby="try"><h2 id="try">Ask for a prediction</h2>',
            _form(schemas["Row"], paths[PREDICT]["post"]["requestBody"]),
            "</section>",
            _columns(schemas["Row"]),
            *(_group(tag, description) for tag in description["tags"]),
            _schemas(schemas),
            "</main>",
        ]
    )
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{_text(info['title'])}: how to ask for predictions</title>\n"
        f"<style>{STYLE}</style>\n</head>\n<body>\n{body}\n<script>{SCRIPT}</script>\n"
        "</body>\n</html>\n"
    )
    return page, _policy()


def _policy() -> str:
    return (
        f"default-src 'none'; style-src '{_hash(STYLE)}'; script-src '{_hash(SCRIPT)}'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


def _hash(content: str) -> str:
    return f"sha256-{b64encode(sha256(content.encode()).digest()).decode()}"


def _text(value: Any) -> str:
    return escape(str(value))


def _prose(text: str) -> str:
    """Paragraphs, with what is between backticks as code."""
    paragraphs = []
    for paragraph in text.split("\n\n"):
        parts = [
            f"<code>{_text(part)}</code>" if place % 2 else _text(part)
            for place, part in enumerate(paragraph.split("`"))
        ]
        paragraphs.append(f"<p>{''.join(parts)}</p>")
    return "".join(paragraphs)


def _facts(facts: Mapping[str, str]) -> str:
    shown = "".join(
        f"<dt>{_text(name)}</dt><dd><code>{_text(value)}</code></dd>"
        if name != "description"
        else f'<dt>{_text(name)}</dt><dd><a href="{_text(value)}">OpenAPI 3.1</a></dd>'
        for name, value in facts.items()
    )
    return f'<dl class="facts">{shown}</dl>'


def _operations(description: Described, tag: str) -> list[tuple[str, str, Described]]:
    return [
        (method, path, operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
        if method != "parameters" and tag in operation["tags"]
    ]


def _name(method: str, path: str) -> str:
    return f'<span class="method {method}">{method.upper()}</span><code>{_text(path)}</code>'


def _contents(description: Described) -> str:
    items = "".join(
        f'<li><a href="#{_text(operation["operationId"])}">{_name(method, path)}</a> '
        f"{_text(operation['summary'])}</li>"
        for tag in description["tags"]
        for method, path, operation in _operations(description, tag["name"])
    )
    return f'<nav aria-labelledby="contents"><h2 id="contents">Paths</h2><ul>{items}</ul></nav>'


def _form(row: Described, request_body: Described) -> str:
    example = request_body["content"]["application/json"]["example"]["rows"][0]
    fields = "".join(
        _field(number, name, schema, name in row["required"], example.get(name))
        for number, (name, schema) in enumerate(row["properties"].items())
    )
    return (
        f"<noscript><p>The form needs JavaScript; the commands below do not.</p></noscript>"
        f'<form data-path="{PREDICT}" autocomplete="off"><div class="fields">{fields}'
        '<div class="field"><label for="token">Token</label>'
        "<small>where the server wants one; it is not kept</small>"
        '<input id="token" type="password" autocomplete="off"></div></div>'
        '<button type="submit">Predict</button>'
        '<output id="answer" aria-live="polite"></output></form>'
    )


def _field(number: int, name: str, schema: Described, required: bool, example: Any) -> str:
    kind = _kind(schema)
    beside = "" if example is not None else " data-beside"
    attributes = f'id="column-{number}" data-column="{_text(name)}" data-kind="{kind}"{beside}'
    if kind == "boolean":
        options = "".join(
            f"<option{' selected' if json.dumps(example) == value else ''}>{value}</option>"
            for value in ("true", "false")
        )
        missing = "" if required else '<option value="">missing</option>'
        control = f"<select {attributes}>{options}{missing}</select>"
    else:
        shown = "" if example is None else _text(example)
        form = {"time": 'type="datetime-local" step="1"', "number": 'inputmode="decimal"'}
        control = f'<input {attributes} {form.get(kind, "")} value="{shown}">'
    told = [schema.get("description", ""), "" if required else "may be left empty"]
    note = _text("; ".join(part for part in told if part))
    return (
        f'<div class="field"><label for="column-{number}">{_text(name)}</label>'
        f"<small>{note}</small>{control}</div>"
    )


def _forms(schema: Described) -> list[Described]:
    return [*schema.get("anyOf", [schema])]


def _kind(schema: Described) -> str:
    first = _forms(schema)[0]
    if first["type"] == "string":
        return "time" if "pattern" in first else "text"
    return "boolean" if first["type"] == "boolean" else "number"


def _columns(row: Described) -> str:
    said = {"time": "time, ISO 8601 without zone", "boolean": "true or false"}
    rows = []
    for name, schema in row["properties"].items():
        kind, first = _kind(schema), _forms(schema)[0]
        missing = any(form.get("type") == "null" for form in _forms(schema))
        may = "as null" if missing else "never"
        may = may if name in row["required"] else "as null, or left out"
        rows.append(
            f'<tr><th scope="row"><code>{_text(name)}</code></th>'
            f"<td>{_text(said.get(kind, first['type']))}</td><td>{may}</td>"
            f"<td>{_text(schema.get('description', ''))}</td></tr>"
        )
    return (
        '<section aria-labelledby="columns"><h2 id="columns">Columns of a row</h2>'
        '<div class="scroll" tabindex="0" role="region" aria-labelledby="columns"><table><thead>'
        '<tr><th scope="col">column</th><th scope="col">type</th><th scope="col">missing</th>'
        f'<th scope="col">meaning</th></tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
        "</section>"
    )


def _group(tag: Described, description: Described) -> str:
    id_ = f"tag-{_text(tag['name'])}"
    shown = "".join(
        _operation(method, path, operation, description)
        for method, path, operation in _operations(description, tag["name"])
    )
    heading = _text(tag["description"].rstrip("."))
    return f'<section aria-labelledby="{id_}"><h2 id="{id_}">{heading}</h2>{shown}</section>'


def _operation(method: str, path: str, operation: Described, description: Described) -> str:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    parts = [
        f'<article><h3 id="{_text(operation["operationId"])}">{_name(method, path)}</h3>',
        _prose(operation["summary"] + "."),
        _prose(operation["description"]) if "description" in operation else "",
        _curl(method, path, body.get("example"), description),
    ]
    answer = operation["responses"]["200"].get("content", {}).get("application/json", {})
    if "example" in answer:
        parts.append(f"<h4>An answer</h4>{_code(_json(answer['example']))}")
    parts.append(_responses(operation["responses"], description["components"]["responses"]))
    return "".join([*parts, "</article>"])


def _curl(method: str, path: str, example: Any, description: Described) -> str:
    shown = path.replace("{version}", description["info"]["version"])
    if method == "get":
        command = f'curl "$SERVER{shown}"'
    else:
        data = _json(example).replace("'", "'\\''")
        command = f"curl \"$SERVER{shown}\" {INFER_HEADER} -d '{data}'"
    return _code(command, "curl")


def _code(text: str, kind: str = "json") -> str:
    return (
        '<div class="code"><button type="button" class="copy" hidden>Copy</button>'
        f'<pre class="{kind}" tabindex="0"><code>{_text(text)}</code></pre></div>'
    )


def _json(value: Any) -> str:
    """Indented, but for lists and objects of plain values, which take a line where they fit."""
    return _lines(value, "")


def _lines(value: Any, indent: str) -> str:
    plain = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or len(indent) + len(plain) <= 76:
        return plain
    deeper = indent + "  "
    if isinstance(value, dict):
        parts = [
            f"{json.dumps(name, ensure_ascii=False)}: {_lines(one, deeper)}"
            for name, one in value.items()
        ]
    else:
        parts = [_lines(one, deeper) for one in value]
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    joined = f",\n{deeper}".join(parts)
    return f"{opening}\n{deeper}{joined}\n{indent}{closing}"


def _responses(responses: Described, shared: Described) -> str:
    rows = []
    for status, response in sorted(responses.items()):
        said = shared[status] if "$ref" in response else response
        rows.append(f'<tr><th scope="row">{status}</th><td>{_text(said["description"])}</td></tr>')
    return (
        "<details><summary>Statuses</summary><table><tbody>"
        f"{''.join(rows)}</tbody></table></details>"
    )


def _schemas(schemas: Described) -> str:
    shown = "".join(
        f"<details><summary><code>{_text(name)}</code></summary>{_code(_json(schema))}</details>"
        for name, schema in schemas.items()
    )
    return f'<section aria-labelledby="schemas"><h2 id="schemas">Schemas</h2>{shown}</section>'
