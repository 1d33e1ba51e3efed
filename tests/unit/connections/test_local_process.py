"""Children that are left behind: none is forgotten, however many threads leave one at the same time."""

import threading

from runbook_engine.connections.local_process import LocalProcess, _Reaper


def test_children_left_by_many_threads_at_once_are_all_remembered():
    pids, together = [], threading.Barrier(12)

    def leave():
        child = LocalProcess(("sleep", "60"), b"", keep=10)
        pids.append(child.session)
        together.wait()
        child.close()

    threads = [threading.Thread(target=leave) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    left = [child for child in _Reaper.left if child.pid in pids]
    for child in left:
        child.kill()
        child.wait()
    assert len(left) == len(pids)
