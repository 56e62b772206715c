"""One aligned table; colours on a terminal."""

import collections
import os

HEAD = ("measure", "versions", "chartroom", "nginx", "target", "")
GREEN, RED, BOLD, OFF = "\033[32m", "\033[31m", "\033[1m", "\033[0m"


class Row(collections.namedtuple("Row", "measure size chartroom nginx target reached")):
    """A line of the table; `reached` is None where no target is set."""

    @classmethod
    def plain(cls, measure, size, value, unit):
        return cls(measure, size, shown(value, unit), "", "", None)

    @classmethod
    def at_most(cls, measure, size, value, target, unit):
        return cls(measure, size, shown(value, unit), "", f"≤ {target:g} {unit}", value <= target)

    @classmethod
    def ratio(cls, measure, size, ours, theirs, target):
        ratio = ours / theirs
        return cls(measure, size, shown(ours, "/s"), shown(theirs, "/s"), f"{ratio:.2f} × (≥ {target:g} ×)", ratio >= target)


class Table:
    """Rows in the order in which their measures first came, those of one measure together by size."""

    def __init__(self, head=HEAD):
        self.head = head
        self.rows = []

    def add(self, row):
        self.rows.append(row)

    def print(self, out):
        colour = out.isatty() and not os.environ.get("NO_COLOR")
        measures = [row.measure for row in self.rows]
        rows = sorted(self.rows, key=lambda row: (measures.index(row.measure), row.size))
        cells = [self.head] + [
            (row.measure, f"{row.size:,}" if row.size else "built-ins", row.chartroom, row.nginx, row.target, verdict(row))
            for row in rows
        ]
        widths = [max(len(line[column]) for line in cells) for column in range(len(self.head))]
        for number, line in enumerate(cells):
            text = "  ".join(
                cell.ljust(width) if column in (0, 4, 5) else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(line, widths))
            ).rstrip()
            if colour:
                text = text.replace("✓", f"{GREEN}✓{OFF}").replace("✗", f"{RED}✗{OFF}")
                text = f"{BOLD}{text}{OFF}" if number == 0 else text
            print(text, file=out)


def verdict(row):
    return "" if row.reached is None else "✓" if row.reached else "✗"


def shown(value, unit):
    digits = 3 if unit == "s" else 0 if value >= 1000 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}" if unit != "/s" else f"{value:,.{digits}f}/s"
