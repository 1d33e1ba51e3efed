"""pyinfra's deploy: the commands, one operation each."""

import json
import os
from pathlib import Path

from pyinfra.operations import server

_facts = json.loads(Path(os.environ["BENCH_FACTS"]).read_text())
for _number in range(_facts["commands"]):
    server.shell(name=f"command {_number}", commands=[_facts["tick"]])
