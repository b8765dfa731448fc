"""How much one client may ask of a server.

Belongs here: the limits and their defaults. Does not belong here: holding a connection
(``connection.py``), a body (``app.py``) or a message (``protocol.py``) to them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ServerLimits:
    """What is more than any of these is refused with the status in brackets, and the connection
    goes on where that is safe."""

    body_bytes: int = 8 * 2**20
    """Of a request, as sent and decompressed (413)."""
    rows: int = 100_000
    """Of a request (413)."""
    text_length: int = 10_000
    """Characters of a string among the inputs (400)."""
    header_bytes: int = 16 * 2**10
    """Of a request's line and header fields together (431)."""
    connections: int = 1_000
    """Open at once. Beyond them, the one that has been idle longest is closed, else one that has
    sent half a request; where all are at work, the new one is refused (503)."""
    header_seconds: float = 10.0
    """From a connection's first byte of a request to the end of its header (408)."""
    body_seconds: float = 30.0
    """From the end of the header to the end of the body (408)."""
    idle_seconds: float = 75.0
    """Of a connection without a request; then it is closed."""
    pending_rows: int = 200_000
    """That wait to be scored; a request that would add to more is refused (503)."""
