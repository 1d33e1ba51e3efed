"""Work in another thread, and what is waited for while it goes on."""

import threading
import time


def in_background(work):
    """Run in a thread; gives the thread, and a list that gets the result or the error."""
    end = []

    def go():
        try:
            end.append(work())
        except Exception as error:  # noqa: BLE001 - the test looks at it
            end.append(error)

    thread = threading.Thread(target=go)
    thread.start()
    return thread, end


def wait_for(condition, seconds=60):
    """Wait until it holds; fail when it takes longer than even a busy machine needs."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)
