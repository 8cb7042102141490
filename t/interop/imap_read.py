"""Reads a Maildir through an IMAP server, and compares with the files.

imap_read.py WHAT PORT USER MAILDIR [MORE...]; WHAT is one of
    count    as many messages as files, all new
    fetch    each message octet for octet with CRLF, RFC822.SIZE right
    seen     a message marked as read: its file gets the flag, nothing else
    arrive   COMMAND... stores a message while the mailbox is open: it appears
    names    LIST: all files of that list are still there under the same
             name (a reader that finds a wrong ,S= gives another)

Exit 0, or the reason on stderr and exit 1. Uses Python's imaplib alone.
"""

import imaplib
import os
import re
import subprocess
import sys

PASSWORD = "secret"


def fail(why):
    sys.exit(why)


def must(answer):
    if answer[0] != "OK":
        fail(f"IMAP answers {answer!r}")
    return answer[1]


def files(maildir):
    """Path and content of each message, whatever folder it is in by now."""
    found = {}
    for sub in ("new", "cur"):
        for name in os.listdir(os.path.join(maildir, sub)):
            path = os.path.join(maildir, sub, name)
            with open(path, "rb") as f:
                found[path] = f.read()
    return found


def open_mailbox(port, user):
    client = imaplib.IMAP4("127.0.0.1", int(port), timeout=60)
    must(client.login(user, PASSWORD))
    exists = int(must(client.select("INBOX"))[0])
    return client, exists


def count(port, user, maildir):
    wanted = len(files(maildir))
    client, exists = open_mailbox(port, user)
    unseen = must(client.search(None, "UNSEEN"))[0].split()
    client.logout()
    if wanted == 0:
        fail(f"{maildir} is empty: nothing to check")
    if exists != wanted or len(unseen) != wanted:
        fail(f"{wanted} files, {exists} messages, {len(unseen)} unseen")


def fetch(port, user, maildir):
    client, exists = open_mailbox(port, user)
    seen = []
    for number in range(1, exists + 1):
        answer = must(client.fetch(str(number), "(RFC822.SIZE BODY.PEEK[])"))
        content = answer[0][1]
        size = re.search(rb"RFC822\.SIZE (\d+)",
                         answer[0][0] + b" " + answer[-1])
        if not size or int(size.group(1)) != len(content):
            fail(f"message {number}: RFC822.SIZE is {size and size.group(1)},"
                 f" the message has {len(content)} octets")
        seen.append(content)
    client.logout()
    wanted = files(maildir)
    if len(seen) != len(wanted) or not seen:
        fail(f"{len(seen)} messages, {len(wanted)} files")
    for path, content in wanted.items():
        crlf = content.replace(b"\n", b"\r\n")
        if crlf not in seen:
            fail(f"no message is octet for octet {path}")
        seen.remove(crlf)


def seen(port, user, maildir):
    before = {os.path.basename(p).split(":")[0] for p in files(maildir)}
    client, _ = open_mailbox(port, user)
    must(client.store("1", "+FLAGS", r"(\Seen)"))
    client.logout()
    names = [os.path.basename(p) for p in files(maildir)]
    flagged = [n for n in names if re.search(r":2,[A-Z]*S", n)]
    if len(flagged) != 1:
        fail(f"{len(flagged)} files are marked as read, not 1")
    if {n.split(":")[0] for n in names} != before:
        fail("marking a message as read changed a name before the flags")


def arrive(port, user, maildir, *command):
    client, exists = open_mailbox(port, user)
    subprocess.run(command, check=True)
    must(client.noop())
    now = client.response("EXISTS")[1]
    client.logout()
    if not now or now[-1] is None or int(now[-1]) != exists + 1:
        fail(f"{exists} messages, then one more was stored, then {now!r}")


def names(_port, _user, maildir, path):
    now = {os.path.basename(p).split(":")[0] for p in files(maildir)}
    with open(path, encoding="utf-8") as f:
        wanted = f.read().split()
    gone = [name for name in wanted if name not in now]
    if gone or not wanted:
        fail(f"{len(gone)} of {len(wanted)} names changed, {gone[:1]!r} first")


def main():
    verbs = {f.__name__: f for f in (count, fetch, seen, arrive, names)}
    try:
        verbs[sys.argv[1]](*sys.argv[2:])
    except (imaplib.IMAP4.error, OSError) as error:
        fail(f"IMAP: {error}")


main()
