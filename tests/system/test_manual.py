# SPDX-License-Identifier: MIT
"""docs/swansong.1 says what --help says: the same commands, with the same options and arguments."""

import os
import re
import shutil
import subprocess
import unittest

from tests.system.harness import SwansongTest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MANUAL = os.path.join(TOP, "docs", "swansong.1")

# "  -p, --pid PID[,PID...]   these processes", "      --json", "      --brake[=PERCENT]"
HELP_OPTION = re.compile(r"^ {2,6}(-\w, --[\w-]+|-\w|--[\w-]+)(\[=[A-Z]+\]|(?: [A-Z][A-Z/]*(?:\[[^\]]*\])?(?=\s))?)", re.MULTILINE)


def plain(line):
    """A line of the manual's source without its fonts."""
    return re.sub(r"\\f[BIR]", "", line).replace("\\-", "-")


def manual_options():
    """{command: {"-p, --pid PID", …}}"""
    options, command, tagged = {}, None, False
    with open(MANUAL, encoding="ascii") as f:
        for line in f:
            line = line.rstrip("\n")
            if line.startswith(".SS "):
                command = plain(line[4:].strip('"')).split()[0]
                options[command] = set()
            elif line.startswith(".SH "):
                command = None
            elif tagged and command:
                options[command].add(plain(line))
            tagged = line == ".TP"
    return options


class Manual(SwansongTest):
    def test_it_has_the_commands_and_options_of_the_help(self):
        commands = re.findall(r"^  (\w+) ", self.swansong("help").stdout, re.MULTILINE)
        manual = manual_options()
        self.assertEqual(list(manual), commands, "all of them, in the help's order")
        for command in commands:
            text = self.swansong(command, "--help").stdout
            options = {option + argument for option, argument in HELP_OPTION.findall(text)}
            with self.subTest(command=command):
                self.assertEqual(manual[command], options)
        self.assertIn("--brake[=PERCENT]", manual["watch"], "the comparison sees arguments")
        self.assertIn("-p, --pid PID[,PID...]", manual["watch"])

    def test_it_is_of_this_version(self):
        version = self.swansong("--version").stdout.split()[1]
        with open(MANUAL, encoding="ascii") as f:
            self.assertIn(f'"swansong {version}"', f.read())

    @unittest.skipUnless(shutil.which("groff"), "needs groff")
    def test_it_is_formatted_without_a_warning(self):
        done = subprocess.run(["groff", "-man", "-Tascii", "-ww", MANUAL], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
