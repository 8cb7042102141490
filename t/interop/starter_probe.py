"""One session with an smtpd that something else has started.

    starter_probe.py PORT PID MAILDIR

From 127.0.0.9: a message to alice, a refused recipient, QUIT.  While the
session is open the processes of smtpd below PID are looked at.  Every line
the client is sent has to be a reply: what a program says on its descriptor 2
is the client's, too.  Prints "PROGRAM UID" for each process, sorted.
"""

import os
import re
import socket
import sys
import time

PATIENCE = 60
REPLY = re.compile(rb"[2-5][0-9]{2}[ -].*\r\n")


def fail(why):
    sys.exit(why)


def parents():
    """pid: (parent, program, uid)"""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                stat = f.read()
            with open(f"/proc/{pid}/status", encoding="utf-8") as f:
                uid = int(re.search(r"^Uid:\t(\d+)", f.read(), re.M)[1])
        except (OSError, TypeError):
            continue
        name, rest = stat[stat.index("(") + 1:].rsplit(")", 1)
        if rest.split()[0] != "Z":
            found[int(pid)] = (int(rest.split()[1]), name, uid)
    return found


def below(top):
    """Programs of ours that descend from top, or are it."""
    found = parents()
    ours = []
    for pid, (parent, name, uid) in found.items():
        at = pid
        while at not in (top, 0, 1):
            at = found.get(at, (0,))[0]
        if at == top and name.startswith("smtpd"):
            ours.append(f"{name} {uid}")
    return sorted(set(ours))


def connect(port):
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection(
                ("127.0.0.1", port), PATIENCE, ("127.0.0.9", 0))
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                fail("nobody listens")
            time.sleep(0.05)


class Session:
    def __init__(self, port):
        self.socket = connect(port)
        self.lines = self.socket.makefile("rb")

    def reply(self, code):
        while True:
            line = self.lines.readline()
            if not REPLY.fullmatch(line):
                fail(f"no reply: {line!r}")
            if line[3:4] == b" ":
                break
        if not line.startswith(code):
            fail(f"{line!r} where {code!r} was due")
        return line

    def say(self, line, code):
        self.socket.sendall(line + b"\r\n")
        return self.reply(code)


def main():
    port, top, maildir = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    session = Session(port)
    session.reply(b"220 mx.example.org ")
    session.say(b"EHLO client.example.net", b"250")
    processes = below(top)
    session.say(b"MAIL FROM:<sender@example.net>", b"250")
    session.say(b"RCPT TO:<nobody@example.org>", b"550 5.1.1")
    session.say(b"RCPT TO:<alice@example.org>", b"250")
    session.say(b"DATA", b"354")
    queued = session.say(b"Subject: started\r\n\r\n.", b"250 2.0.0")
    session.say(b"QUIT", b"221")
    rest = session.lines.read()
    if rest:
        fail(f"behind the last reply: {rest!r}")
    name = queued.split()[-1].decode()
    if not any(name in file for file in os.listdir(f"{maildir}/new")):
        fail(f"{name} is not in {maildir}/new")
    print("\n".join(processes))


main()
