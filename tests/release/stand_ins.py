"""Servers that are none, or bad ones: each a short program, to be tried as a server is.

Belongs here: the programs, and the command that runs one. Does not belong here: what a trial must
say of them (``test_trial.py``).
"""

import sys

READY = """
import json, sys
def ready(port, **more):
    said = {"event": "ready", "url": f"http://127.0.0.1:{port}", **more}
    print(json.dumps(said), flush=True)
"""
ANSWERING = (
    READY
    + """
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        status, body = answer()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
ready(server.server_port)
server.serve_forever()
"""
)


def program(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def answering(answer: str) -> list[str]:
    """A server that answers every request with the status and body of the expression ``answer``."""
    return program(f"def answer():\n    return {answer}\n{ANSWERING}")


SILENT = program("import time; time.sleep(600)")
ENDS = program("raise SystemExit('a reason that nobody reads')")
ELSEWHERE = program(
    READY.replace("127.0.0.1", "example.org") + "\nready(80)\nimport time; time.sleep(600)"
)
CHATTERS = program(
    READY
    + """
import time
print("x" * 300_000)
print("[" * 100_000)
print('{"event": "ready"}')
sys.stdout.buffer.write(b"\\xff\\xfe\\n")
sys.stdout.flush()
time.sleep(600)
"""
)
REFUSES = answering('(503, b\'{"error": "not now"}\')')
GARBAGE = answering("(200, b'<html>')")
EMPTY = answering("(200, b'{\"outputs\": []}')")
GONE = answering("__import__('os')._exit(3)")
NOBODY = program(READY + "\nready(1)\nimport time; time.sleep(600)")
STUBBORN = program(
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    + READY
    + "\nready(1)\ntime.sleep(600)"
)
