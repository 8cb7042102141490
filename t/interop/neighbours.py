"""A dead, a slow and a busy site, and what a healthy one gets meanwhile.

neighbours.py serve HEALTHY SLOW BUSY
    three servers at port 25 of these addresses: one takes all letters, and
    prints for each how many ms it took; one needs 5 s for each reply; one says
    421 as its greeting
neighbours.py send HOST FROM COUNT TO...
    COUNT letters in turn to these, over eight connections
neighbours.py pace HOST FROM COUNT TO
    COUNT letters, fifty a second, each with the time in it
neighbours.py result FILE COUNT
    of what the first server has printed: fails unless there are COUNT, and 99
    of a hundred took less than a second
"""
import smtplib
import socketserver
import sys
import threading
import time

LETTER = "From: {0}\r\nTo: {1}\r\nSubject: neighbours\r\nX-At: {2}\r\n\r\nx\r\n"


class Server(socketserver.StreamRequestHandler):
    def say(self, text):
        time.sleep(self.server.delay)
        self.wfile.write(text + b"\r\n")

    def handle(self):
        self.say(b"421 busy" if self.server.busy else b"220 here")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"DATA":
                self.say(b"354 go on")
                for line in self.rfile:
                    if line == b".\r\n":
                        break
                    if line.startswith(b"X-At: ") and not self.server.delay:
                        ms = (time.time() - float(line[6:])) * 1000
                        print(int(ms), flush=True)
            self.say(b"221 bye" if verb == b"QUIT" else b"250 yes")
            if verb == b"QUIT":
                return


class Servers(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 100

    def __init__(self, address, delay=0, busy=False):
        self.delay, self.busy = delay, busy
        super().__init__((address, 25), Server)
        threading.Thread(target=self.serve_forever).start()


def serve(healthy, slow, busy):
    Servers(healthy)
    Servers(slow, delay=5)
    Servers(busy, busy=True)


def give(host, sender, recipients, pause=0.0):
    with smtplib.SMTP(host, 25, timeout=120) as client:
        for to in recipients:
            client.sendmail(sender, [to],
                            LETTER.format(sender, to, time.time()))
            time.sleep(pause)


def send(host, sender, count, *recipients):
    every = [recipients[i % len(recipients)] for i in range(int(count))]
    threads = [threading.Thread(target=give, args=(host, sender, every[i::8]))
               for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def pace(host, sender, count, to):
    give(host, sender, [to] * int(count), 0.02)


def result(file, count):
    with open(file) as f:
        took = sorted(int(line) for line in f)
    if len(took) != int(count):
        sys.exit(f"{len(took)} arrived, not {count}")
    p50, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
    print(f"p50 {p50} ms, p99 {p99} ms, most {took[-1]} ms")
    if p99 >= 1000:
        sys.exit("that is too long")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
