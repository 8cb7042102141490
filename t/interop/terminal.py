"""Runs a program on a terminal of its own: terminal.py OUTPUT PROGRAM...

What the program writes to the terminal goes into OUTPUT. SIGTERM is passed on
to the program, and its exit status is ours.
"""

import os
import pty
import signal
import sys


def main():
    output = open(sys.argv[1], "wb", buffering=0)
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        os.environ.pop("NO_COLOR", None)
        os.execv(sys.argv[2], sys.argv[2:])
    signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        output.write(data)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


main()
