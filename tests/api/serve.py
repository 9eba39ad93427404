#!/usr/bin/env python3
"""A fake of Proxmox VE's API (PyPI's fakepve) for the tests and the bench.

    serve.py FOLDER ADDRESSES

It is one cluster that listens on ADDRESSES ports of 127.0.0.1. The first line that it prints is JSON: the
ports, and the certificate's file and fingerprint. Each line on standard input is Python, run with `pve` (the
fake), `peak` (the most connections that were open at once, by port and in all) and `made` (how many were
made in all); what it leaves in `result` is printed as JSON. It ends with its standard input.
"""
import asyncio
import collections
import hashlib
import json
import ssl
import sys
import time

from aiohttp import web
from fakepve import FakePve
from fakepve.certs import make_cert

peak = collections.Counter()
open_now = collections.Counter()
made = collections.Counter()
counted = {}


def count(server):
    """Counts the connections of a server."""
    came, gone = server.connection_made, server.connection_lost

    def connection_made(handler, transport):
        port = counted[handler] = transport.get_extra_info('sockname')[1]
        for key in (port, 'all'):
            open_now[key] += 1
            made[key] += 1
            peak[key] = max(peak[key], open_now[key])
        came(handler, transport)

    def connection_lost(handler, *rest):
        for key in (counted.pop(handler), 'all'):
            open_now[key] -= 1
        gone(handler, *rest)
    server.connection_made, server.connection_lost = connection_made, connection_lost


async def main(folder, addresses):
    pve = FakePve(host='127.0.0.1', port=0)
    certfile, keyfile, der = make_cert(folder)
    await pve.start(certfile, keyfile)
    count(pve.runner.server)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certfile, keyfile)
    for _ in range(addresses - 1):
        await web.TCPSite(pve.runner, '127.0.0.1', 0, ssl_context=context).start()
    ports = [address[1] for address in pve.runner.addresses]
    print(json.dumps({'ports': ports, 'cert': certfile, 'fingerprint': hashlib.sha256(der).hexdigest()}), flush=True)
    scope = {'pve': pve, 'peak': peak, 'made': made, 'time': time}
    loop = asyncio.get_running_loop()
    while True:
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if not line:
            return
        scope['result'] = None
        exec(json.loads(line), scope)
        print(json.dumps(scope['result']), flush=True)


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
