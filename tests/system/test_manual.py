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


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return f.read()


DOCUMENTS = ["README.md", *sorted(f"docs/{name}" for name in os.listdir(os.path.join(TOP, "docs")) if name.endswith(".md"))]


class Documents(SwansongTest):
    def test_every_row_of_a_table_is_written_about(self):
        collected = re.findall(r'^(?:COLLECT|SPECIAL|TABLE)\((?:\w+, )+"([^"]+)"', read("src/capture/collectors.def"), re.MULTILINE)
        self.assertIn("oom_score", collected)
        text = read("docs/bundle.md")
        for name in collected:
            with self.subTest(collector=name):
                self.assertIn(os.path.basename(name), text)
        for table, document, form in (("src/trigger/triggers.def", "docs/watching.md", r'^TRIGGER\(\w+, "([\w-]+)"'),
                                      ("agent_so/options.def", "docs/agent.md", r'^OPTION\("(\w+)"')):
            rows, text = re.findall(form, read(table), re.MULTILINE), read(document)
            self.assertGreater(len(rows), 5, table)
            for name in rows:
                with self.subTest(table=table):
                    self.assertIn(name, text)

    def test_options_in_the_documents_are_the_programs(self):
        """Every --option behind the name of one of our commands is in that command's help."""
        known = {}
        for document in DOCUMENTS:
            for command, words in re.findall(r"swansong (\w+)((?: [^\n`#|]+)?)", read(document)):
                options = [o for o in re.findall(r"(?<![\w-])--[a-z][\w-]+", words.split(" -- ")[0])]
                if options and command not in known:
                    known[command] = self.swansong(command, "--help").stdout + (self.swansong("watch", "--help").stdout if command == "run" else "")
                for option in options:
                    with self.subTest(document=document, command=command):
                        self.assertRegex(known[command], rf"(?<![\w-]){option}(?![\w-])")
        self.assertLessEqual({"dump", "watch", "run", "inject", "report", "oom"}, set(known))

    def test_what_they_point_to_is_there(self):
        for document in DOCUMENTS:
            text = read(document)
            links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
            paths = [os.path.join(os.path.dirname(document), link) for link in links]
            paths += re.findall(r"`((?:src|tests|scripts|injector|agent_so|docs)/[\w./-]+)`", text)
            for path in paths:
                if "NAME" in path or "/corpus/" in path:
                    continue
                with self.subTest(document=document):
                    self.assertTrue(os.path.exists(os.path.join(TOP, path)), path)


if __name__ == "__main__":
    unittest.main()
