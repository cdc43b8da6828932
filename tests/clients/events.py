"""The event streams of three packages, each at every address: a line of JSON for each event.

python events.py PAGE ADDRESS…

PAGE is docs/events.md, whose example for httpx is run as it stands there.
"""

import json
import os
import re
import sys
import threading
import time
from datetime import timedelta

import requests
import requests_sse
import sseclient

page, *addresses = sys.argv[1:]
documented = {}
with open(page, encoding="utf-8") as file:
    exec(re.search(r"^```python\n(.*?)^```", file.read(), re.M | re.S)[1], documented)


def with_httpx(url):
    yield from documented["events"](url)


def with_sseclient(url):
    """It neither comes back by itself nor looks at the status."""
    seen = None
    while True:
        try:
            headers = {"Accept": "text/event-stream", **({"Last-Event-ID": seen} if seen else {})}
            with requests.get(url, headers=headers, stream=True, timeout=(5, 60)) as answer:
                if answer.status_code == 200:
                    for event in sseclient.SSEClient(answer).events():
                        yield event.event, json.loads(event.data)
                        seen = event.id
        except requests.RequestException:
            pass
        time.sleep(0.5)


def with_requests_sse(url):
    patience = {"timeout": 60, "max_connect_retry": 100, "reconnection_time": timedelta(seconds=0.5)}
    with requests_sse.EventSource(url, **patience) as source:
        for event in source:
            yield event.type, json.loads(event.data)


def listen(name, events):
    for kind, data in events:
        line = json.dumps([name, kind, data]) + "\n"
        # One write: several threads tell.
        os.write(1, line.encode())


for library in [with_httpx, with_sseclient, with_requests_sse]:
    for at, address in enumerate(addresses):
        name = f"{library.__name__.removeprefix('with_')} {at}"
        events = library(f"{address}/api/events")
        threading.Thread(target=listen, args=(name, events), daemon=True).start()
# Ends with the one who reads.
sys.stdin.read()
