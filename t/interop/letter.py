"""The letters of the interop checks: makes them, and looks for them again.

make and body write what is to be sent; stored, parts, caught and absent look
for what became of it; quiet looks for control characters in what the catcher
printed. port and listening are there because a shell knows no sockets. Only
Python's own library is used, and nothing here talks SMTP.

A letter is known by its token, which stands in its Subject.
"""

import email
import email.policy
import errno
import os
import random
import re
import socket
import sys
import time
import unicodedata

HOSTNAME = "mx.example.org"

# What a careless client or server gets wrong: dots at line starts, blank
# lines around them, lines longer than any buffer, every octet above 127.
LINES = [
    b".",
    b"..",
    b"...three",
    b".dot and text",
    b"",
    b".",
    b"",
    b"From here to there: no mbox file is meant",
    b" leading and trailing blanks \t ",
    "Grüße, żółw, 日本語, 🐢".encode(),
    bytes(range(0x80, 0xC0)),
    bytes(range(0xC0, 0x100)),
    b"a" * 997 + b".",
    b"." * 998,
    b"c" * 999,
    b"." + b"d" * 5000 + b".",
    b"e" * 70000,
    b".",
    b"the last line but a few, before blank ones",
    b"",
    b"",
]

# What would act on a terminal: a title, colours, a cleared screen, C1 control
# characters both bare and in UTF-8, and the rest of what is not printable.
ESCAPES = [
    b"title \x1b]0;taken\x07 red \x1b[31m clear \x1b[2J reset \x1bc",
    b"C1 \x9b31m and \x90q and \xc2\x9b31m and \xc2\x85 end",
    b"back\x08\x08\x08 delete \x7f vt \x0b ff \x0c shift \x0e\x0f enq \x05",
]


def fail(why):
    sys.exit(why)


def header(token):
    return [
        b"From: Sender <sender@example.net>",
        b"To: Somebody <somebody@example.org>",
        b"Subject: " + token.encode(),
        b"Date: Mon, 02 Nov 2026 10:11:12 +0000",
        b"Message-ID: <" + token.encode() + b"@example.net>",
        b"MIME-Version: 1.0",
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Transfer-Encoding: 8bit",
    ]


def is_utf8(line):
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def write(path, lines):
    """PATH gets CRLF line ends, PATH.lf LF, PATH.cut LF but for the last."""
    with open(path, "wb") as f:
        f.write(b"".join(line + b"\r\n" for line in lines))
    with open(path + ".lf", "wb") as f:
        f.write(b"".join(line + b"\n" for line in lines))
    with open(path + ".cut", "wb") as f:
        f.write(b"\n".join(lines))


def make(kind, token, path):
    lines = header(token)
    if kind == "escape":
        lines.append(b"X-Escape: " + ESCAPES[0])
    lines += [b"", b"This is " + token.encode() + b"."]
    if kind == "plain":
        lines += LINES
    elif kind == "short":   # some servers break up longer lines
        lines += [line for line in LINES if len(line) <= 998]
    elif kind == "ascii":
        lines += [line for line in LINES if len(line) <= 998 and
                  line.isascii()]
    elif kind == "escape":
        lines += ESCAPES
    else:
        mebibytes = int(kind)
        lines += [b"." + b"%07d" % n + b"x" * 54
                  for n in range(mebibytes * 1024 * 1024 // 64)]
    write(path, lines)


def body(path_text, path_attachment):
    """For clients that write the letter themselves: a text, a file."""
    write(path_text, [line for line in LINES if is_utf8(line)])
    with open(path_attachment, "wb") as f:
        f.write(bytes(range(256)) * 400 + b"\r\n.\r\n\r.\n")


def find(maildir, token):
    """The one file with that token: its path and content."""
    found = []
    for sub in ("new", "cur"):
        folder = os.path.join(maildir, sub)
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            with open(path, "rb") as f:
                content = f.read()
            if b"Subject: " + token.encode() + b"\n" in content:
                found.append((path, content))
    if len(found) != 1:
        fail(f"{maildir} holds {len(found)} copies of {token}, not 1")
    path, content = found[0]
    size = re.search(r",S=(\d+)(:2,[A-Z]*)?$", path)
    if not size:
        fail(f"no ,S= at the end of the name {path}")
    if int(size.group(1)) != len(content):
        fail(f"{path} is {len(content)} octets long")
    if b"\r\n" in content:
        fail(f"{path} has CRLF line ends")
    return path, content


def trace(content, wanted):
    """Checks the header fields we wrote; returns what follows them."""
    found = re.match(
        rb"Return-Path: <(?P<sender>[^>\n]*)>\n"
        rb"Received: from [^\n]* \(\[[^\]\n]*\]\)\n"
        rb"\tby " + re.escape(HOSTNAME.encode()) +
        rb" with (?P<with>[A-Z0-9]+) id [^ \n;]+"
        rb"(\n\tfor <(?P<for>[^>\n]*)>)?;[ \n\t][^\n]*\n", content)
    if not found:
        fail(f"not the header fields of ours: {content[:300]!r}")
    for name, value in wanted.items():
        group = found.group(name)
        text = "" if group is None else group.decode()
        if text not in value.split("|"):
            fail(f"our header fields have {name} {text!r}, not {value!r}")
    return content[found.end():]


def words(arguments):
    return dict(word.split("=", 1) for word in arguments)


def same(got, sent, what):
    if got == sent:
        return
    at = next((i for i, (a, b) in enumerate(zip(got, sent)) if a != b),
              min(len(got), len(sent)))
    fail(f"{what} differs at octet {at} of {len(sent)} (has {len(got)}): "
         f"sent {sent[at - 20 if at > 20 else 0:at + 30]!r}, "
         f"stored {got[at - 20 if at > 20 else 0:at + 30]!r}")


def stored(maildir, token, path, *wanted):
    """The letter is there once, and octet for octet what was sent."""
    content = find(maildir, token)[1]
    with open(path + ".lf", "rb") as f:
        sent = f.read()
    same(trace(content, words(wanted)), sent, f"{token} in {maildir}")


def parts(maildir, token, path_text, path_attachment, *wanted):
    """The letter a client wrote itself brings text and file unharmed."""
    content = find(maildir, token)[1]
    content = trace(content, words(wanted))
    letter = email.message_from_bytes(content, policy=email.policy.default)
    leaves = [p.get_payload(decode=True) for p in letter.walk()
              if not p.is_multipart()]
    if len(leaves) != 2:
        fail(f"{token} has {len(leaves)} parts, not a text and a file")
    with open(path_text + ".lf", "rb") as f:
        text = f.read()
    with open(path_attachment, "rb") as f:
        attachment = f.read()
    got = leaves[0].replace(b"\r\n", b"\n")
    same(got.rstrip(b"\n"), text.rstrip(b"\n"), "the text")
    same(leaves[1], attachment, "the attachment")


def caught(path, letter, *wanted):
    """The file at that path holds the letter."""
    with open(path, "rb") as f:
        content = f.read()
    with open(letter + ".lf", "rb") as f:
        sent = f.read()
    found = content.find(sent)
    if found < 0 or found + len(sent) != len(content):
        fail(f"{path} does not end with the letter as it was sent")
    for name in wanted:
        if name.encode() not in content[:found]:
            fail(f"{path} does not say {name} before the letter")


def absent(tree, token):
    for folder, _, names in os.walk(tree):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.isfile(path):
                continue    # the control socket
            with open(path, "rb") as f:
                if token.encode() in f.read():
                    fail(f"{token} was refused, and yet it is in {path}")


def quiet(path, where):
    """What was printed cannot act on a terminal: no control characters but
    line ends and tabs; on a terminal colours as well, and there must be."""
    with open(path, "rb") as f:
        raw = f.read()
    colours = re.compile(rb"\x1b\[[0-9;]*m")
    if where == "terminal":
        if not colours.search(raw):
            fail("no colours on a terminal")
        raw = colours.sub(b"", raw).replace(b"\r\n", b"\n")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        fail(f"octets that are not UTF-8 were printed raw: {error}")
    for at, char in enumerate(text):
        if unicodedata.category(char) == "Cc" and char not in "\n\t":
            fail(f"control character {char!r} printed raw: "
                 f"{text[max(0, at - 30):at + 10]!r}")


def port(address):
    """A port that nothing listens on now; fails if there is no such address.

    It is below those that systems hand out themselves, so that nobody gets
    it by chance before it is used.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for number in random.sample(range(20000, 32000), 100):
        with socket.socket(family) as s:
            try:
                s.bind((address, number))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            print(number)
            return
    fail(f"no port of {address} is free")


def listening(number, seconds):
    """Waits until something answers there."""
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", int(number)), 5) as s:
                s.settimeout(5)
                if s.recv(1):
                    return
        except OSError:
            pass
        time.sleep(0.05)
    fail(f"nothing greets on 127.0.0.1 port {number} within {seconds} s")


def main():
    verbs = {f.__name__: f for f in (make, body, stored, parts, caught,
                                     absent, quiet, port, listening)}
    verbs[sys.argv[1]](*sys.argv[2:])


main()
