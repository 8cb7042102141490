"""What programs that read reports make of those in t/unit/report/.

Usage: reports.py flufl|email FILE: addresses that failed for good, and those
that are delayed, a line for each; or nothing, where the email package finds no
defect in any part.
"""

import email
import email.policy
import sys


def failures(path):
    # Debian's python has it, perhaps not the first in PATH.
    from flufl.bounce import all_failures

    with open(path, 'rb') as file:
        temporary, permanent = all_failures(email.message_from_binary_file(
            file))
    for word, found in (('failed', permanent), ('delayed', temporary)):
        for address in sorted(found):
            print(word, address.decode())


def walk(part):
    for name, value in part.items():
        if getattr(value, 'defects', ()):
            sys.exit('%s: %s' % (name, value.defects))
    if part.defects:
        sys.exit('%s: %s' % (part.get_content_type(), part.defects))
    if part.is_multipart():
        for inner in part.get_payload():
            walk(inner)


def defects(path):
    policy = email.policy.default.clone(raise_on_defect=True, utf8=True)
    with open(path, 'rb') as file:
        message = email.message_from_binary_file(file, policy=policy)
    walk(message)
    kinds = [part.get_content_type() for part in message.iter_parts()]
    if (message.get_content_type() != 'multipart/report' or
            message.get_param('report-type') != 'delivery-status' or
            kinds[0] != 'text/plain' or
            not kinds[1].endswith('delivery-status')):
        sys.exit('%s of %s' % (message.get_content_type(), kinds))


{'flufl': failures, 'email': defects}[sys.argv[1]](sys.argv[2])
