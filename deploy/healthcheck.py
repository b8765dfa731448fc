"""Whether the server in this container takes traffic: exit status 0 where it does.

Belongs here: asking ``/v2/health/ready`` of this container alone, with the standard library. Does
not belong here: what ready means (``mlops_assets/serving``). ``HEALTH_PORT`` is the port that is
asked, 8080 by default; ``HEALTH_TLS`` is set to anything where the server speaks TLS. Its
certificate is not checked: it is made for the name that clients call it by, not for this one.
"""

import http.client
import os
import ssl
import sys

PATH = "/v2/health/ready"
SECONDS = 3.0


def is_ready(port: int, tls: bool) -> bool:
    """Whether the server on this port of the loopback interface answers that it is ready."""
    connection: http.client.HTTPConnection
    if tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=SECONDS, context=context
        )
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", PATH)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    port = int(os.environ.get("HEALTH_PORT", "8080"))
    sys.exit(0 if is_ready(port, "HEALTH_TLS" in os.environ) else 1)
