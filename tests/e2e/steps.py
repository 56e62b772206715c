"""Steps of one long scenario: each is run, timed, shown as a line, and counted; what fails shows the cluster."""

import os
import sys
import time
import traceback

GREEN, RED, CYAN, DIM, BOLD, OFF = "\033[32m", "\033[31m", "\033[36m", "\033[2m", "\033[1m", "\033[0m"


def colours(out=sys.stdout):
    return out.isatty() and not os.environ.get("NO_COLOR")


def paint(colour, text, out=sys.stdout):
    return f"{colour}{text}{OFF}" if colours(out) else text


class Failure(Exception):
    """Something is not as it must be; the text says what, and what was seen instead."""


def check(condition, text):
    if not condition:
        raise Failure(text)


def equal(seen, wanted, what):
    check(seen == wanted, f"{what}: expected {wanted!r}, saw {seen!r}")


def result(passed, failed, what):
    """One line in the form of Rust's test runner, by which .ci/run counts."""
    return f"\ntest result: {'FAILED' if failed else 'ok'}. {passed} passed; {failed} failed; {what}"


class Steps:
    """Runs steps in order. Each builds on those before it, so that the first failure ends the run."""

    def __init__(self, diagnose):
        self.diagnose = diagnose
        self.passed, self.failed = 0, 0
        self.measures = []
        self.contents = []

    def run(self, steps):
        titles = [step.__doc__.strip().splitlines()[0].rstrip(".") for step in steps]
        self.width = max(map(len, titles))
        for number, (step, title) in enumerate(zip(steps, titles), 1):
            if colours():
                print(f"  {paint(CYAN, '…')} {number:>2}  {title}", end="\r", flush=True)
            start = time.monotonic()
            try:
                step()
            except Exception as error:
                self.line(RED, "✗", number, title, start)
                expected = isinstance(error, (Failure, TimeoutError))
                print(f"      {paint(RED, error if expected else traceback.format_exc())}", flush=True)
                self.diagnose()
                self.failed = 1
                left = len(steps) - number
                if left:
                    print(f"  {left} further steps build on this one and were not begun")
                self.failed += left
                return
            self.line(GREEN, "✓", number, title, start)
            self.passed += 1

    def line(self, colour, mark, number, title, start):
        took = paint(DIM, f"{time.monotonic() - start:6.1f} s")
        print(f"  {paint(colour, mark)} {number:>2}  {title:<{self.width}}{took}", flush=True)

    def measure(self, what, value, unit, limit):
        """A figure beside what it must reach: shown at the end, never an assertion."""
        self.measures.append((what, value, unit, limit))

    def content(self, what, rows):
        """What the scenario was played with: rows of (name, what it is), shown at the end."""
        self.contents.append((what, rows))

    def summary(self):
        """Prints what was there, the figures and the result; true when all went well."""
        for what, rows in self.contents:
            print(f"\n  {what}")
            width = max(len(name) for name, _ in rows)
            for name, is_what in rows:
                print(f"    {name:<{width}}  {is_what}")
        if self.measures:
            print()
        for what, value, unit, limit in self.measures:
            mark = paint(GREEN, "✓") if value <= limit else paint(RED, "✗")
            print(f"  {mark} {what:<68}{value:8.1f} {unit:<4} (≤ {limit:g} {unit})")
        print(result(self.passed, self.failed, "end to end"), flush=True)
        return self.failed == 0
