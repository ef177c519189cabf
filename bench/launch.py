"""Runs one command and says what it took, as JSON to the file descriptor that is its first argument.

A process of its own and a small one: the peak memory of a command begins with that of whoever starts it.
"""

import json
import os
import sys
import time

began = time.perf_counter()
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
wall_s = time.perf_counter() - began
took = [wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024, os.waitstatus_to_exitcode(status)]
with os.fdopen(int(sys.argv[1]), "w") as report:
    json.dump(took, report)
