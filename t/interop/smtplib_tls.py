"""Sends one letter under TLS with Python's smtplib, as a program would.

smtplib_tls.py starttls|implicit HOST PORT CA-FILE FROM TO SUBJECT

The certificate has to be good for HOST.
"""

import smtplib
import ssl
import sys

mode, host, port, ca_file, sender, recipient, subject = sys.argv[1:8]
context = ssl.create_default_context(cafile=ca_file)
if mode == "implicit":
    client = smtplib.SMTP_SSL(host, int(port), timeout=120, context=context)
else:
    client = smtplib.SMTP(host, int(port), timeout=120)
    client.ehlo()
    client.starttls(context=context)
with client:
    client.sendmail(sender, [recipient], f"Subject: {subject}\r\n\r\ntext\r\n")
