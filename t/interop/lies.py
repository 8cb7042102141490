"""A name server of the lab that answers as the first label of a name says.

lies.py ADDRESS DIRECTORY
    fine        the host of there
    servfail    SERVFAIL while DIRECTORY/servfail exists, then as fine
    silent      nothing while DIRECTORY/silent exists, then as fine
    garbage     octets that are no answer

Names end in broken.example.; the host of all is 192.0.2.2.
"""

import os
import random
import sys

import dnslib
from dnslib.server import BaseResolver, DNSHandler, DNSServer

ZONE = "broken.example."
HOST = "mx." + ZONE
ADDRESSES = {HOST: "192.0.2.2", "ns." + ZONE: "192.0.2.54"}


def answer(request):
    reply = request.reply()
    name = request.q.qname
    address = ADDRESSES.get(str(name).lower())
    kind, data = None, None
    if address and request.q.qtype == dnslib.QTYPE.A:
        kind, data = dnslib.QTYPE.A, dnslib.A(address)
    elif not address and request.q.qtype == dnslib.QTYPE.MX:
        kind, data = dnslib.QTYPE.MX, dnslib.MX(HOST, 10)
    if data:
        reply.add_answer(dnslib.RR(name, kind, ttl=1, rdata=data))
    else:
        reply.add_auth(dnslib.RR(ZONE, dnslib.QTYPE.SOA, ttl=1,
                                 rdata=dnslib.SOA(ZONE, ZONE,
                                                  (1, 60, 60, 60, 1))))
    return reply


class Liar(BaseResolver):
    def __init__(self, directory):
        self.directory = directory

    def on(self, word):
        return os.path.exists(os.path.join(self.directory, word))

    def resolve(self, request, handler):
        kind = bytes(request.q.qname.label[0]).decode().lower()
        reply = answer(request)
        if kind == "servfail" and self.on(kind):
            reply = request.reply()
            reply.header.rcode = dnslib.RCODE.SERVFAIL
        return reply


class Handler(DNSHandler):
    def get_reply(self, data):
        request = dnslib.DNSRecord.parse(data)
        kind = bytes(request.q.qname.label[0]).decode().lower()
        if kind == "garbage":
            return data[:2] + random.randbytes(200)
        if kind == "silent" and self.server.resolver.on(kind):
            return b""
        return super().get_reply(data)


def main():
    liar = Liar(sys.argv[2])
    for tcp in (True, False):
        server = DNSServer(liar, address=sys.argv[1], port=53, tcp=tcp,
                           handler=Handler)
        if tcp:
            server.start_thread()
        else:
            server.start()


main()
