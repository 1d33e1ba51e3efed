"""The order of the tests, and how their process begins, wherever it was started from."""

import signal
import threading

# What takes longest begins first, so that no worker is left alone with it at the end; each file is one worker's.
LONGEST = (
    "faults/test_demo_kill.py",
    "faults/test_engine_kill.py",
    "faults/journals/test_disk.py",
    "unit/lab/test_process.py",
    "journeys/test_demo.py",
    "contract/connections/test_connection.py",
    "journeys/cli/",
    "journeys/",
    "faults/",
    "contract/",
)


def pytest_configure():
    # A shell that starts us in the background (`make test &`) has us ignore Ctrl-C, and all that we start with us.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    def place(item):
        path = item.nodeid.partition("::")[0].removeprefix("tests/")
        return next((number for number, start in enumerate(LONGEST) if path.startswith(start)), len(LONGEST))

    items.sort(key=place)
