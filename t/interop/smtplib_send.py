"""Sends one letter with Python's smtplib, as a program would.

smtplib_send.py HOST PORT FROM raw FILE RECIPIENT...
    the file as it is, by sendmail(), which needs no parsing
smtplib_send.py HOST PORT FROM parts SUBJECT TEXT ATTACHMENT RECIPIENT...
    an EmailMessage, by send_message()

What is refused is printed as the server said it: exit 1 if nobody got the
letter, 3 if some did. SMTPUTF8 is asked for when an address needs it.
"""

import smtplib
import sys
from email.message import EmailMessage


def compose(sender, subject, text, attachment):
    letter = EmailMessage()
    letter["From"] = sender
    letter["Subject"] = subject
    with open(text + ".lf", encoding="utf-8") as f:
        letter.set_content(f.read())
    with open(attachment, "rb") as f:
        letter.add_attachment(f.read(), maintype="application",
                              subtype="octet-stream", filename="file.bin")
    return letter


def show(code, text):
    print(code, text.decode(errors="backslashreplace"))


def main():
    host, port, sender, mode = sys.argv[1:5]
    recipients = sys.argv[6 if mode == "raw" else 8:]
    with smtplib.SMTP(host, int(port), timeout=120) as client:
        try:
            if mode == "raw":
                options = ["BODY=8BITMIME"]
                if not all(a.isascii() for a in [sender] + recipients):
                    options.append("SMTPUTF8")
                with open(sys.argv[5], "rb") as f:
                    refused = client.sendmail(sender, recipients, f.read(),
                                              options)
            else:
                refused = client.send_message(
                    compose(sender, *sys.argv[5:8]), sender, recipients)
        except smtplib.SMTPRecipientsRefused as error:
            for reply in error.recipients.values():
                show(*reply)
            sys.exit(1)
        except smtplib.SMTPResponseException as error:
            show(error.smtp_code, error.smtp_error)
            sys.exit(1)
    for reply in refused.values():
        show(*reply)
    sys.exit(3 if refused else 0)


main()
