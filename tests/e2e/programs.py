"""Other programs: run to their end, or asked again until they give what is awaited."""

import signal
import subprocess
import sys
import time


def clear_up_when_asked_to_end():
    """SIGTERM ends a run as Ctrl-C does, through everything that it has to clear away; and Ctrl-C does so too where a
    shell has started the run in the background, which leaves SIGINT ignored for all that it starts."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)


def run(*command, check=True, **options):
    """What the program wrote to standard output; its words of failure are the error. `options` are subprocess's."""
    words = [str(word) for word in command]
    answer = subprocess.run(words, capture_output=True, text=True, **options)
    if check and answer.returncode:
        raise RuntimeError(f"{' '.join(words)}: {(answer.stderr or answer.stdout).strip()}")
    return answer.stdout


def until(what, condition, seconds=60, every=0.1):
    """The first true value of `condition()`, which may fail meanwhile as long as something is not there yet."""
    end = time.monotonic() + seconds
    while True:
        try:
            last = condition()
            if last:
                return last
        except (LookupError, OSError, RuntimeError, ValueError) as error:
            last = error
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s; last seen: {last!r}")
        time.sleep(every)
