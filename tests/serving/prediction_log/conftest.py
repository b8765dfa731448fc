"""The helpers beside these tests can be imported by them, and by the processes that they start."""

import sys
from pathlib import Path

import pytest
from postgresql_server import Server

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def server(answers_database: Server) -> Server:
    """One that nothing was shipped to yet, and that the environment names."""
    return answers_database
