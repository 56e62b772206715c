"""A message through a NATS server: `nats.py HOST PORT <credentials` prints what a subscriber got of what was published.

The credentials are JSON with `user` and `pass`. It runs in the node's network, over the protocol's plain text.
"""

import json
import socket
import sys

SUBJECT, MESSAGE = "site.greeting", b"a message through the site"


class Client:
    def __init__(self, host, port, credentials):
        self.stream = socket.create_connection((host, port), timeout=10).makefile("rwb")
        self.line("INFO")
        self.settle(f"CONNECT {json.dumps({**credentials, 'verbose': False, 'pedantic': True})}")

    def line(self, expected):
        line = self.stream.readline().decode().strip()
        if not line.startswith(expected):
            raise SystemExit(f"expected {expected}, NATS said {line or 'nothing'}")
        return line

    def settle(self, command, payload=None):
        """Sends a command; returns once the server has seen it."""
        body = b"" if payload is None else payload + b"\r\n"
        self.stream.write(command.encode() + b"\r\n" + body + b"PING\r\n")
        self.stream.flush()
        self.line("PONG")


def main():
    host, port = sys.argv[1], int(sys.argv[2])
    credentials = json.load(sys.stdin)
    subscriber, publisher = (Client(host, port, credentials) for _ in range(2))
    subscriber.settle(f"SUB {SUBJECT} 1")
    publisher.settle(f"PUB {SUBJECT} {len(MESSAGE)}", MESSAGE)
    subscriber.line(f"MSG {SUBJECT} 1 {len(MESSAGE)}")
    print(subscriber.stream.readline().decode().strip())


if __name__ == "__main__":
    main()
