"""The command of ``mlops`` about who may ask a server: ``new-token``.

Belongs here: its options, and printing the token. Does not belong here: what a token is and how it
is kept (``serving/tokens.py``).
"""

import argparse
from datetime import date
from pathlib import Path

from mlops_assets.cli_release import Commands, Say
from mlops_assets.serving.tokens import SCOPES, TokensError, add_token, new_token


def add_commands(commands: Commands, say: Say) -> None:
    """Add the command of this module to the parser."""
    made = commands.add_parser("new-token", help="make a token for who asks a server")
    made.add_argument("name", help="whose it is; the server's log and metrics never say it")
    made.add_argument(
        "--scope",
        dest="scopes",
        action="append",
        choices=SCOPES,
        required=True,
        help="what it is for; may be given several times",
    )
    made.add_argument(
        "--expires", type=date.fromisoformat, metavar="DATE", help="its last day: 2026-12-31"
    )
    made.add_argument(
        "--file", type=Path, required=True, help="where the server looks: mlops serve --tokens FILE"
    )
    made.set_defaults(command=lambda options: make_token(options, say))


def make_token(options: argparse.Namespace, say: Say) -> int:
    """Make a token, keep its hash, show it once."""
    try:
        text, token = new_token(options.name, options.scopes, options.expires)
        add_token(options.file, token)
    except (TokensError, ValueError) as problem:
        say(str(problem))
        return 1
    except OSError as problem:
        say(f"{options.file}: {problem.strerror}: name a file that can be written")
        return 2
    until = f"until {token.expires}" if token.expires else "for good"
    say(f"{options.file}: {token.name}, for {', '.join(token.scopes)}, {until}. Its token, which")
    say(f"is shown this once and kept nowhere:\n{text}")
    say("Send it as a header field:  Authorization: Bearer TOKEN")
    return 0
