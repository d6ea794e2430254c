# SPDX-License-Identifier: MIT
"""Run the system tests: python3 -m tests.system.run [--build DIR] [NAME…]

Each test has TIMEOUT_S; the last line of the output is "N passed, N failed, N skipped".
"""

import argparse
import os
import signal
import sys
import time
import unittest

TIMEOUT_S = 480


class TimedOut(Exception):
    pass


def on_alarm(_signal, _frame):
    raise TimedOut(f"no end after {TIMEOUT_S} s")


class Result(unittest.TextTestResult):
    """One line per test as it ends; each test under an alarm."""

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        signal.alarm(TIMEOUT_S)

    def stopTest(self, test):
        signal.alarm(0)
        super().stopTest(test)
        self.stream.writeln(f"    {time.monotonic() - self.began:6.1f} s  {test.id()}")
        self.stream.flush()


def main():
    # A shell's background job, or nohup, has them ignored, and what we start would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for ignored in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_DFL)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build", help="where the programs are")
    parser.add_argument("names", nargs="*", help="test modules, classes or methods (test_cli.BadInput); default: all")
    args = parser.parse_args()
    os.environ["BUILD"] = os.path.abspath(args.build)
    signal.signal(signal.SIGALRM, on_alarm)

    loader = unittest.defaultTestLoader
    here = os.path.dirname(os.path.abspath(__file__))
    top = os.path.dirname(os.path.dirname(here))
    if args.names:
        suite = loader.loadTestsFromNames(["tests.system." + name for name in args.names])
    else:
        suite = loader.discover(here, top_level_dir=top)
    if loader.errors:
        print("\n".join(loader.errors), file=sys.stderr)
    result = unittest.TextTestRunner(resultclass=Result, verbosity=1).run(suite)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    skipped = len(result.skipped)
    for test, reason in result.skipped:
        print(f"skipped: {test.id()}: {reason}")
    print(f"{result.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or loader.errors or result.testsRun == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
