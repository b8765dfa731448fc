"""The command ``mlops new-token``."""

import argparse
import json
from pathlib import Path

import pytest

from mlops_assets.cli_serving_security import add_commands
from mlops_assets.serving.tokens import PREFIX, Guard


def run(*arguments: str) -> tuple[int, list[str]]:
    said: list[str] = []
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers(), said.append)
    options = parser.parse_args(["new-token", *arguments])
    return options.command(options), said


def test_a_token_is_shown_once_and_lets_in(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    options = ("--scope", "admin", "--scope", "predict", "--expires", "2999-12-31")
    code, said = run("shop", *options, "--file", str(path))
    token = next(word for word in "\n".join(said).split() if word.startswith(PREFIX))
    assert code == 0 and "for predict, admin, until 2999-12-31" in said[0]
    assert token not in path.read_text()
    assert Guard(path).check(f"Bearer {token}".encode(), "admin") == "shop"
    code, said = run("board", "--scope", "metrics", "--file", str(path))
    assert code == 0 and "for metrics, for good" in said[0]
    assert [entry["name"] for entry in json.loads(path.read_text())] == ["shop", "board"]


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    assert run("shop", "--scope", "predict", "--file", str(path))[0] == 0
    code, said = run("shop", "--scope", "predict", "--file", str(path))
    assert code == 1 and "named 'shop' already" in said[0]
    code, said = run("a b", "--scope", "predict", "--file", str(path))
    assert code == 1 and "name a token" in said[0]
    code, said = run("x", "--scope", "predict", "--file", str(path / "inside"))
    assert code in (1, 2) and "tokens.json" in said[0]


@pytest.mark.parametrize("wrong", [["--scope", "root"], [], ["--scope", "admin", "--expires", "x"]])
def test_wrong_options_end_the_command(tmp_path: Path, wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        run("shop", *wrong, "--file", str(tmp_path / "tokens.json"))
