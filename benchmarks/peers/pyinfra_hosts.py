"""pyinfra's inventory: the hosts that the JSON file named by BENCH_FACTS describes."""

import json
import os
from pathlib import Path

_facts = json.loads(Path(os.environ["BENCH_FACTS"]).read_text())
_data = {
    "ssh_port": _facts["port"],
    "ssh_user": _facts["user"],
    "ssh_key": _facts["key"],
    "ssh_known_hosts_file": _facts["known_hosts"],
    "ssh_strict_host_key_checking": "yes",
}
hosts = ([(address, _data) for address in _facts["addresses"]], {})
