"""How the page of the server's description looks, and what it does in a browser.

Belongs here: its style sheet and its script, which the page holds and its content security policy
names by hash. Does not belong here: its content (``docs_page.py``). It looks as the reports do
(``reporting/page.html``).
"""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1a1c20; --muted: #5b6069; --line: #dcdee2; --wash: #f5f6f8;
  --accent: #0b4f7d; --alarm: #9a3412; --held: #0f6b4a;
  --serif: Charter, "Bitstream Charter", "Sitka Text", Cambria, Georgia, serif;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #15171b; --ink: #e6e8ec; --muted: #a3a9b4; --line: #343941; --wash: #1d2026;
    --accent: #7dbbe8; --alarm: #f6a37a; --held: #7fd1ac;
  }
}
* { box-sizing: border-box; }
html { background: var(--paper); -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; max-width: 66rem; padding: 3rem 1rem 4rem;
  color: var(--ink); font: 1rem/1.55 var(--serif); overflow-wrap: break-word;
}
h1, h2, h3, th, td, dt, dd, nav, label, button, input, select, summary, caption, .note, .label {
  font-family: var(--sans);
}
h1 { margin: 0 0 .5rem; font-size: 1.75rem; line-height: 1.2; font-weight: 650; }
h2 {
  margin: 3rem 0 .75rem; padding-top: .9rem; border-top: 1px solid var(--line);
  font-size: 1.2rem; line-height: 1.3; font-weight: 650;
}
h3 { margin: 2.25rem 0 .4rem; font-size: 1rem; line-height: 1.4; font-weight: 650; }
h3 code { overflow-wrap: anywhere; }
h4 { margin: 1rem 0 .35rem; font: 400 .875rem/1.4 var(--sans); color: var(--muted); }
p { margin: 0 0 1rem; max-width: 44rem; }
a { color: var(--accent); text-underline-offset: .15em; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
code, pre { font: .875em/1.5 var(--mono); }
.method {
  display: inline-block; min-width: 3.6em; margin-right: .5em; padding: .05em .45em;
  border: 1px solid currentColor; border-radius: 3px; font: 650 .75rem/1.5 var(--mono);
  text-align: center; color: var(--accent);
}
.method.post { color: var(--held); }
.facts {
  display: grid; grid-template-columns: max-content 1fr; margin: 1.25rem 0; font-size:
  .875rem;
}
.facts dt, .facts dd { margin: 0; padding: .3rem 0; border-bottom: 1px solid var(--line); }
.facts dt { padding-right: 1.5rem; color: var(--muted); }
.facts dd { min-width: 0; overflow-wrap: anywhere; }
nav { margin: 2rem 0 0; font-size: .9375rem; }
nav h2 {
  margin: 0 0 .35rem; padding: 0; border: 0; font-size: .875rem; font-weight: 400; color:
  var(--muted);
}
nav ul { margin: 0; padding: 0; list-style: none; }
nav li { padding: .15rem 0 .15rem 3.3rem; text-indent: -3.3rem; }
nav li > * { text-indent: 0; }
nav a { text-underline-offset: .35em; }
nav code { word-break: break-all; }
.scroll { overflow-x: auto; margin: 0 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; line-height: 1.45; }
caption { text-align: left; padding: 0 0 .35rem; color: var(--muted); }
th, td {
  padding: .35rem 1rem .35rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top;
}
th { font-weight: 600; }
thead th { color: var(--muted); font-weight: 400; }
.code { position: relative; margin: 0 0 1rem; }
pre {
  margin: 0; padding: .75rem 1rem; max-height: 26rem; overflow: auto; background: var(--wash);
  border: 1px solid var(--line);
}
.code button {
  position: absolute; top: .4rem; right: .4rem; font-size: .75rem; padding: .2rem .6rem;
}
details { margin: 0 0 .5rem; }
summary { cursor: pointer; padding: .2rem 0; }
form {
  margin: 0 0 1.5rem; padding: 1rem 1.1rem 1.25rem; background: var(--wash); border: 1px solid
  var(--line);
}
.fields {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(15rem, 100%), 1fr)); gap:
  .9rem 1.25rem; margin-bottom: 1.1rem;
}
label {
  display: block; font-size: .875rem; font-weight: 600; line-height: 1.35; overflow-wrap:
  anywhere;
}
.field small {
  display: block; min-height: 1.3em; color: var(--muted); font: .8125rem/1.3 var(--sans);
}
input, select {
  display: block; width: 100%; margin-top: .2rem; padding: .4rem .55rem; font-size: 1rem;
  color: var(--ink); background: var(--paper); border: 1px solid var(--muted); border-radius: 3px;
}
button {
  padding: .5rem 1.25rem; font-size: .9375rem; font-weight: 600; cursor: pointer;
  color: var(--accent); background: var(--paper); border: 1px solid var(--accent);
  border-radius: 3px;
}
button[type=submit] { color: var(--paper); background: var(--accent); }
button[disabled] { opacity: .55; cursor: default; }
#answer:not(:empty) {
  display: block; margin: 1.1rem 0 0; padding: .9rem 1.1rem; background: var(--paper);
  border-left: 4px solid var(--accent);
}
#answer.refused { border-left: 7px double var(--alarm); }
#answer strong {
  display: block; margin: 0 0 .35rem; font: 650 1.0625rem/1.4 var(--sans); overflow-wrap:
  anywhere;
}
#answer table { width: auto; min-width: min(22rem, 100%); margin-bottom: .6rem; }
#answer td { white-space: nowrap; }
#answer td:last-child { width: 9rem; }
meter { width: 8rem; max-width: 100%; }
.note { color: var(--muted); font-size: .875rem; }
@media (max-width: 40rem) {
  body { padding-top: 1.5rem; }
  .facts { grid-template-columns: 1fr; }
  .facts dt { padding-bottom: 0; border: 0; }
  .field small { min-height: 0; }
  .code button { position: static; display: block; margin: 0 0 .35rem; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  form, .code button, nav, .only-screen { display: none; }
  pre { max-height: none; white-space: pre-wrap; overflow-wrap: anywhere; }
  h2, h3, summary { break-after: avoid; }
  tr, .code { break-inside: avoid; }
}
"""

SCRIPT = """
"use strict";
(() => {
  const base = new URL(".", document.baseURI).href.replace(/\\/$/, "");
  for (const code of document.querySelectorAll("pre.curl code"))
    code.textContent = code.textContent.replaceAll("$SERVER", base);
  for (const button of document.querySelectorAll("button.copy")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }

  const form = document.querySelector("form");
  const answer = document.getElementById("answer");
  const element = (name, text) => {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  };
  // Written as text, so that an integer keeps all its digits.
  const number = /^-?(0|[1-9]\\d*)(\\.\\d+)?([eE][+-]?\\d+)?$/;
  const json = (field) => {
    const text = field.value;
    if (text.trim() === "") return "null";
    if (field.dataset.kind === "boolean") return text;
    if (field.dataset.kind === "number" && number.test(text.trim())) return text.trim();
    return JSON.stringify(text);
  };
  const shown = (value) =>
    typeof value === "number" ? String(Math.round(value * 10000) / 10000) : String(value);
  const chances = (probabilities) => {
    const table = element("table", "");
    for (const [name, chance] of Object.entries(probabilities)) {
      const row = table.insertRow();
      const head = element("th", name);
      head.scope = "row";
      row.append(head);
      row.insertCell().textContent = (chance * 100).toFixed(1) + " %";
      const meter = element("meter", "");
      meter.max = 1;
      meter.value = chance;
      meter.setAttribute("aria-label", "probability of " + name);
      row.insertCell().append(meter);
    }
    return table;
  };
  const show = (said) => {
    const one = said.predictions[0];
    if (one.probabilities) {
      answer.append(element("strong", "Label: " + shown(one.label)), chances(one.probabilities));
    } else {
      answer.append(element("strong", "Prediction: " + shown(one.prediction)));
      answer.append(element("p", "Between " + one.interval.map(shown).join(" and ")));
    }
    const note = element("div", "Answered by release " + said.release);
    note.className = "note";
    answer.append(note);
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button[type=submit]");
    const columns = [...form.querySelectorAll("[data-column]")].filter(
      (field) => field.value.trim() !== "" || !("beside" in field.dataset));
    const row = columns.map((field) => JSON.stringify(field.dataset.column) + ": " + json(field));
    const headers = { "Content-Type": "application/json" };
    const token = form.querySelector("#token").value;
    if (token) headers.Authorization = "Bearer " + token;
    button.disabled = true;
    answer.replaceChildren();
    answer.classList.remove("refused");
    try {
      const body = '{"rows": [{' + row.join(", ") + "}]}";
      const response = await fetch(base + form.dataset.path, { method: "POST", headers, body });
      const said = await response.json();
      if (!response.ok) throw new Error(response.status + ": " + said.error);
      show(said);
    } catch (problem) {
      answer.classList.add("refused");
      answer.append(element("strong", "No prediction"), element("div", problem.message));
    } finally {
      button.disabled = false;
    }
  });
})();
"""
