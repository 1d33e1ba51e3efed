"""One attempt to open a TCP connection from the machine that runs the step."""

import socket
import time


def open_port(host: str, port: int, *, timeout: float) -> str | None:
    """Try to connect; gives None when it worked, else the system's words for why not."""
    try:
        with socket.create_connection((host, port), timeout=max(timeout, 0.001)):
            return None
    except TimeoutError:
        return f"no answer within {timeout:.3g} s"
    except (OSError, UnicodeError) as error:  # UnicodeError: a label of the name is empty or too long
        return getattr(error, "strerror", None) or str(error)


def connect_seconds(host: str, port: int, *, timeout: float) -> tuple[str | None, float]:
    """Try to connect and measure how long it took, in seconds."""
    began = time.monotonic()
    problem = open_port(host, port, timeout=timeout)
    return problem, time.monotonic() - began
