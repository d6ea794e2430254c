# SPDX-License-Identifier: MIT
"""What programs seldom do: the agent in them does no harm, and tells the truth about it."""

import subprocess

from tests.system import recorder
from tests.system.harness import victim_path, wait_until
from tests.system.test_agent import AgentTest


class Ends(AgentTest):
    def test_each_normal_end_removes_the_recorder(self):
        for how in ("exit", "_exit", "quick_exit", "exit_group"):
            with self.subTest(how=how):
                self.run_victim("agent_corners", "end", how, options="sample=1")
                self.assertEqual(recorder.recorders(self.recorders), {})

    def test_a_daemon_leaves_only_its_own(self):
        with self.spawn([victim_path("agent_corners"), "end", "daemon"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                        env=self.env("sample=1")) as parent:
            daemon = int(parent.stdout.readline())
            self.assertEqual(parent.wait(60), 0)
            self.assertEqual(recorder.recorders(self.recorders).keys(), {daemon})
            parent.stdin.close()
            wait_until("the daemon's end", lambda: not recorder.recorders(self.recorders), 60)
