"""Whether the process of this container lives: exit code 0 if its /healthz says so. The image's HEALTHCHECK.

Worker and projector answer on ONESTACK_METRICS_PORT, the Hub on ONESTACK_HUB_PORT: the first of the two that is open is
asked. Standard library alone, so that it starts in some milliseconds.
"""

from __future__ import annotations

import http.client
import os
import sys
from typing import Final

_SECONDS: Final = 4
_PORTS: Final = (("ONESTACK_HUB_PORT", "8080"), ("ONESTACK_METRICS_PORT", "9464"))


def answer(port: int) -> str | None:
    """What /healthz on this port complains of; empty where all is well, None where nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        connection.request("GET", "/healthz")
        reply = connection.getresponse()
        text = reply.read(500).decode(errors="replace")
    except ConnectionRefusedError:
        return None
    except (OSError, http.client.HTTPException) as error:
        return f"no answer on port {port}: {error!r}"
    finally:
        connection.close()
    return "" if reply.status == http.client.OK else f"port {port} answers {reply.status}: {text}"


def main() -> int:
    """The exit code; the reason goes to stdout, where `docker inspect` shows it."""
    for name, usual in _PORTS:
        port = os.environ.get(name) or usual
        if (complaint := answer(int(port))) is not None:
            print(complaint or "healthy")
            return 1 if complaint else 0
    print("nothing listens yet")
    return 1


if __name__ == "__main__":
    sys.exit(main())
