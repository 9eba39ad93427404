#!/usr/bin/env python3
"""The clocks of all guests of a cluster, as a Python program asks for them: proxmoxer, which most use, and a
pool of threads.

    clocks.py TOKEN THREADS NODE=PORT...

Prints how many there were, and in seconds how long it took without the start of Python.
"""
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import urllib3
from proxmoxer import ProxmoxAPI

urllib3.disable_warnings()
token, threads, *nodes = sys.argv[1:]
name, secret = token.split('=')
user, token_name = name.split('!')
begun = time.monotonic()
hosts = {}
for node in nodes:
    host, port = node.split('=')
    hosts[host] = ProxmoxAPI('127.0.0.1', port=int(port), user=user, token_name=token_name, token_value=secret,
                             verify_ssl=False, timeout=30)


def clock(vm):
    before, clock = time.time_ns(), time.monotonic_ns()
    answer = hosts[vm['node']].nodes(vm['node']).qemu(vm['vmid']).agent('get-time').get()
    half = (time.monotonic_ns() - clock) // 2
    return vm['vmid'], answer['result'] - (before + half), half


guests = next(iter(hosts.values())).cluster.resources.get(type='vm')
with ThreadPoolExecutor(int(threads)) as pool:
    clocks = sorted(pool.map(clock, guests), key=lambda row: -abs(row[1]))
print(len(clocks), time.monotonic() - begun)
