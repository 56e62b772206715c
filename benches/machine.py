"""What the numbers were measured on."""

import os
import re
import subprocess
from pathlib import Path


def describe(binary):
    """Two lines: the machine, and the programs."""
    cpu = re.search(r"^model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(), re.M)
    memory = int(re.search(r"^MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text(), re.M)[1]) / 1024 / 1024
    cores = len(os.sched_getaffinity(0))
    machine = f"{cores} cores ({cpu[1] if cpu else 'unknown'}), {memory:.1f} GiB, Linux {os.uname().release}"
    size = binary.stat().st_size / 1024 / 1024
    programs = [first_line([str(binary), "--version"]), f"{size:.1f} MiB", first_line(["nginx", "-v"]), first_line(["wrk", "-v"])]
    return f"{machine}, load {os.getloadavg()[0]:.1f}\n" + ", ".join(program for program in programs if program)


def first_line(command):
    try:
        ended = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        # the controller's measurements need no yardstick but helm
        return f"no {command[0]}"
    said = (ended.stdout + ended.stderr).strip()
    return said.split("Copyright")[0].splitlines()[0].strip() if said else ""
