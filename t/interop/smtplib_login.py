"""Logs in with Python's smtplib and sends one letter.

smtplib_login.py PORT MECHANISM PASSWORD FROM FILE RECIPIENT
"""

import smtplib
import sys

port, mechanism, password, sender, name, recipient = sys.argv[1:]
with smtplib.SMTP("127.0.0.1", int(port), timeout=120) as client:
    client.ehlo()
    client.user, client.password = "alice@example.org", password
    client.auth(mechanism, getattr(client, "auth_" + mechanism.lower()))
    with open(name, "rb") as f:
        client.sendmail(sender, [recipient], f.read(), ["BODY=8BITMIME"])
