"""Starts and stops the two servers, and asks chartroom what it needs to be asked."""

import collections
import http.client
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

Memory = collections.namedtuple("Memory", "resident peak")

START_DEADLINE_S = 300


class Server:
    """A process on a free loopback port, stopped at the end of a `with` block."""

    def start(self, command, before_exec=None):
        self.log = tempfile.TemporaryFile()
        self.started = time.perf_counter()
        streams = {"stdin": subprocess.DEVNULL, "stdout": self.log, "stderr": self.log}
        self.process = subprocess.Popen(command, preexec_fn=before_exec, **streams)
        try:
            self.port_open_after = self.wait_until_port_open()
        except BaseException:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_DEADLINE_S)

    def get(self, path):
        connection = self.connect()
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, body

    def wait_until_port_open(self):
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return time.perf_counter() - self.started
            except ConnectionRefusedError:
                self.still_running()
                time.sleep(0.0002)

    def still_running(self):
        late = time.perf_counter() - self.started > START_DEADLINE_S
        if late or self.process.poll() is not None:
            self.log.seek(0)
            said = self.log.read().decode(errors="replace")[-4000:]
            raise SystemExit(f"{self.process.args[0]} {'is not ready' if late else 'ended'}; it said:\n{said}")

    def memory(self):
        """Resident memory now and at its peak, in MiB; memory files, which are nowhere mapped, count as resident too."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        field = lambda name: int(re.search(rf"^{name}:\s+(\d+) kB", status, re.M)[1]) / 1024
        files = self.memory_files() / 2**20
        return Memory(field("VmRSS") + files, field("VmHWM") + files)

    def memory_files(self):
        """Bytes of all memory files that the process holds open."""
        held = [fd for fd in Path(f"/proc/{self.process.pid}/fd").iterdir() if os.readlink(fd).startswith("/memfd:")]
        return sum(fd.stat().st_size for fd in held)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Chartroom(Server):
    """The program being measured, as ChartMuseum is started."""

    def __init__(self, binary, storage, builtin_charts=None, options=(), before_exec=None):
        self.port = free_port()
        command = [str(binary), f"--port={self.port}", "--listen-host=127.0.0.1", "--storage=local"]
        command.append(f"--storage-local-rootdir={storage}")
        if builtin_charts:
            command.append(f"--builtin-charts={builtin_charts}")
        self.start(command + list(options), before_exec)

    def wait_until_ready(self):
        """Seconds from exec until /readyz says that the index is complete."""
        connection = self.connect()
        while True:
            connection.request("GET", "/readyz")
            response = connection.getresponse()
            response.read()
            if response.status == 200:
                connection.close()
                return time.perf_counter() - self.started
            self.still_running()
            time.sleep(0.001)

    def wait_until_verified(self):
        """Seconds from exec until nothing is listed by its first file alone; the index is complete already."""
        while True:
            said = Path(f"/proc/{os.getpid()}/fd/{self.log.fileno()}").read_text(errors="replace")
            peeked = re.search(r'"peeked": (\d+)', said)
            if peeked and int(peeked[1]) == 0 or "Packages are verified" in said:
                return time.perf_counter() - self.started
            self.still_running()
            time.sleep(0.01)

    def expect_versions(self, expected):
        """The index has as many versions as the repository: one digest each, in JSON as in YAML."""
        status, index = self.get("/index.yaml")
        found = len(re.findall(rb'\bdigest"?: ?"?[0-9a-f]{64}', index))
        if status != 200 or found != expected:
            raise SystemExit(f"the index of {expected:,} versions has status {status} and lists {found:,}")


class Nginx(Server):
    """Debian's nginx with static files, set up for speed."""

    def __init__(self, root):
        self.port = free_port()
        self.home = tempfile.TemporaryDirectory(prefix="chartroom-nginx-")
        config = Path(self.home.name) / "nginx.conf"
        config.write_text(self.configuration(root))
        os.environ["PATH"] += ":/usr/sbin"
        self.start(["nginx", "-p", self.home.name, "-c", str(config)])

    def configuration(self, root):
        # the files are in a home directory that only its owner may read
        user = "user root;" if os.getuid() == 0 else ""
        temporary = " ".join(
            f"{kind}_temp_path {kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        return f"""
{user}
daemon off;
worker_processes auto;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  open_file_cache max=100000 inactive=600s;
  open_file_cache_valid 600s;
  default_type application/octet-stream;
  {temporary}
  server {{
    listen 127.0.0.1:{self.port};
    root {root};
  }}
}}
"""

    def stop(self):
        super().stop()
        self.home.cleanup()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
