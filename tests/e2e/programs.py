"""Other programs: run to their end, or asked again until they give what is awaited."""

import subprocess
import time


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
