"""The helpers beside these tests can be imported by them, and by the processes that they start."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
