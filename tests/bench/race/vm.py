# SPDX-License-Identifier: MIT
"""The rows of the virtual machine, as they come out of it."""

import json
import os
import subprocess

from tests.system.harness import BUILD

VM_SH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "scripts", "vm.sh")


def run(patterns, kills):
    """The rows as table.as_json() made them; a line of text instead where there was something to say."""
    environment = {**os.environ, "KILLS": str(kills), "ROWS": " ".join(patterns)}
    with subprocess.Popen(["sh", VM_SH, BUILD, "--lab"], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          text=True) as process:
        try:
            for line in process.stdout:
                yield json.loads(line) if line.startswith("{") else line.strip()
        finally:
            if process.poll() is None:
                process.terminate()
