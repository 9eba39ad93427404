#!/usr/bin/python3
"""The hook's duty in Python, for `make bench` to compare with; nobody's VM should run it.

pre-start: read the VM's config and the allowlist (the hook's own TOML file), decide, append an audit
line that is on the disk before anything else happens, leave a state file for post-start, say one line.
post-start: set the RTC through QEMU's monitor, read it back, append an audit line, say one line.
It imports what a phase needs and no more. Other than the hook it sends nothing to syslog, checks only
the rule that it uses, and has no guardian for a VM that it stopped.
"""
import json
import os
import stat
import sys

CONFIG = "/etc/pve/qemu-server"
ALLOWLIST = "/etc/time-shift/allowlist.toml"
STATE = "/run/bench"
AUDIT = "/var/log/bench/python.log"


def read_allowlist():
    import tomllib

    with open(os.open(ALLOWLIST, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        info = os.fstat(file.fileno())
        if not stat.S_ISREG(info.st_mode) or info.st_uid != 0 or info.st_mode & 0o022:
            raise ValueError(f"{ALLOWLIST} is not root's alone")
        return tomllib.load(file)


def read_config(vmid):
    config = {}
    with open(f"{CONFIG}/{vmid}.conf", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("["):
                break
            key, colon, value = line.partition(":")
            if colon and not line.startswith("#"):
                config[key.strip()] = value.strip()
    return config


def covers(rule, vmid):
    for entry in rule["vmids"]:
        if isinstance(entry, int):
            if entry == vmid:
                return True
        else:
            first, _, last = entry.partition("-")
            if int(first) <= vmid <= int(last):
                return True
    return False


def audit(record, durable):
    import fcntl

    record["time"] = time_text(now())
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        record["boot_id"] = file.read().strip()
    line = json.dumps(record).encode() + b"\n"
    file = os.open(AUDIT, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.write(file, line) != len(line):
            raise OSError("short write")
        if durable:
            os.fdatasync(file)
    finally:
        os.close(file)


def save(vmid, state):
    name = f"{STATE}/{vmid}.python"
    with open(name + ".tmp", "w", encoding="utf-8") as file:
        json.dump(state, file)
    os.rename(name + ".tmp", name)


def now():
    from datetime import datetime, timezone

    return datetime.now(timezone.utc)


def time_text(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def time_of(text, day_end=False):
    from datetime import datetime, timedelta, timezone

    if len(text) == 10:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=timezone.utc)
        return day + timedelta(days=1) if day_end else day
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def years_from(time, years):
    try:
        return time.replace(year=time.year + years)
    except ValueError:  # 29 February
        return time.replace(year=time.year + years, day=28)


def pre_start(vmid):
    try:
        os.unlink(f"{STATE}/{vmid}.python")
    except FileNotFoundError:
        pass
    config = read_config(vmid)
    allowlist = read_allowlist()
    if allowlist["version"] != 1:
        raise ValueError("unknown version")
    rules = [rule for rule in allowlist["allow"] if covers(rule, vmid)]
    if not rules:
        return
    if len(rules) > 1:
        raise ValueError("two rules for one VM")
    rule = rules[0]
    profile = allowlist["profiles"][rule["assign"]]
    host = now()
    guest = time_of(profile["target"])
    years = int(rule["max-shift"].removesuffix("y"))
    if not time_of(rule["earliest"]) <= guest < time_of(rule["latest"], True):
        raise ValueError("the target lies outside of the rule's bounds")
    if not years_from(host, -years) <= guest <= years_from(host, years):
        raise ValueError("the target lies beyond max-shift")
    offset = (guest - host).total_seconds()
    audit({"event": "intent", "vmid": vmid, "name": config.get("name"), "profile": rule["assign"],
           "guest_time": time_text(guest), "offset": offset}, True)
    save(vmid, {"vmid": vmid, "profile": rule["assign"], "target": time_text(guest)})
    print(f"time-shift: VM {vmid} ({config.get('name')}): the guest is to boot at {time_text(guest)}")


class Monitor:
    def __init__(self, path):
        import socket

        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(3)
        self.socket.connect(path)
        self.lines = self.socket.makefile("rb")
        if "QMP" not in self.line():
            raise ValueError("no QMP greeting")
        self.call("qmp_capabilities")

    def line(self):
        text = self.lines.readline(65536)
        if not text.endswith(b"\n"):
            raise ValueError("the monitor hung up")
        return json.loads(text)

    def call(self, command, **arguments):
        request = {"execute": command, "arguments": arguments} if arguments else {"execute": command}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            answer = self.line()
            if "error" in answer:
                raise ValueError(f"{command}: {answer['error']}")
            if "return" in answer:
                return answer["return"]

    def human(self, line):
        return self.call("human-monitor-command", **{"command-line": line})

    def read(self, register):
        self.human(f"o /b 0x70 {register:#x}")
        return int(self.human("i /b 0x71").strip().rpartition("= ")[2], 16)

    def write(self, register, value):
        self.human(f"o /b 0x70 {register:#x}")
        self.human(f"o /b 0x71 {value:#x}")

    def status(self):
        return self.call("query-status")["status"]


def set_rtc(monitor, time):
    status_b = monitor.read(0x0B)

    def number(value):
        return value if status_b & 0x04 else value // 10 << 4 | value % 10

    hour = number(time.hour)
    if not status_b & 0x02:
        hour = number(time.hour % 12 or 12) | (0x80 if time.hour >= 12 else 0)
    monitor.write(0x0B, status_b | 0x80)
    for register, value in [
        (0x00, number(time.second)), (0x02, number(time.minute)), (0x04, hour),
        (0x06, number(time.isoweekday() % 7 + 1)), (0x07, number(time.day)),
        (0x08, number(time.month)), (0x09, number(time.year % 100)),
        (0x32, number(time.year // 100)),
    ]:
        monitor.write(register, value)
    monitor.write(0x0B, status_b)
    # The index stays on a register whose writes are ignored.
    monitor.human("o /b 0x70 0x0d")


def post_start(vmid):
    import time
    from datetime import datetime, timezone

    try:
        with open(f"{STATE}/{vmid}.python", encoding="utf-8") as file:
            state = json.load(file)
    except FileNotFoundError:
        return
    target = time_of(state["target"])
    monitor = Monitor(f"/run/qemu-server/{vmid}.qmp")
    was = monitor.status()
    if was not in ("running", "paused", "prelaunch"):
        raise ValueError(f"QEMU is {was}")
    paused = None
    if was == "running":
        begun = time.monotonic()
        monitor.call("stop")
    try:
        if was == "running" and monitor.status() != "paused":
            raise ValueError("the VM did not stop")
        set_rtc(monitor, target)
    finally:
        if was == "running":
            monitor.call("cont")
            paused = time.monotonic() - begun
    tm = monitor.call("qom-get", path="/machine", property="rtc-time")
    shown = datetime(tm["tm_year"] + 1900, tm["tm_mon"] + 1, tm["tm_mday"], tm["tm_hour"],
                     tm["tm_min"], tm["tm_sec"], tzinfo=timezone.utc)
    verified = 0 <= (shown - target).total_seconds() <= 2
    audit({"event": "outcome", "vmid": vmid, "guest_time": time_text(target), "verified": verified}, False)
    save(vmid, dict(state, verified=verified))
    if not verified:
        raise ValueError(f"the RTC shows {shown}")
    print(f"time-shift: VM {vmid}: RTC set to {time_text(target)}, paused {paused or 0:.3f} s")


try:
    number = int(sys.argv[1])
    if sys.argv[2] == "pre-start":
        pre_start(number)
    elif sys.argv[2] == "post-start":
        post_start(number)
except Exception as error:  # a failure of ours must not keep the VM from starting
    print(f"time-shift: VM {sys.argv[1]}: clock left alone: {error}", file=sys.stderr)
