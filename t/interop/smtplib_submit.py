"""Submits one letter with Python's smtplib, or only logs in.

smtplib_submit.py CERTIFICATE starttls|implicit PORT USER PASSWORD FILE|-
"""

import smtplib
import ssl
import sys

certificate, how, port, user, password, name = sys.argv[1:]
context = ssl.create_default_context(cafile=certificate)
if how == "implicit":
    client = smtplib.SMTP_SSL("localhost", int(port), timeout=120,
                              context=context)
else:
    client = smtplib.SMTP("localhost", int(port), timeout=120)
    client.starttls(context=context)
with client:
    client.login(user, password)
    if name != "-":
        with open(name, encoding="ascii") as f:
            client.sendmail("carol@example.org", ["bob@example.org"], f.read())
