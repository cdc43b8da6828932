"""Writes to four services (ports 18801 to 18804) for eight seconds, each create with a key and at another
service when one does not answer; then says what is there, and what the first and the last tell."""

import json
import random
import threading
import time
import urllib.request
import uuid

BASE = "http://127.0.0.1:1880"
answered, lock = [], threading.Lock()
end = time.time() + 8


def ask(url, body=None, key=None):
    headers = {"content-type": "application/json"} | ({"idempotency-key": key} if key else {})
    return json.load(urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=15))


def write(node):
    while time.time() < end:
        key, at = str(uuid.uuid4()), node
        while True:
            try:
                made = ask(f"{BASE}{at}/records/c", json.dumps({"key": key}).encode(), key)
                break
            except OSError:
                at = random.choice([1, 2, 3, 4])
                time.sleep(0.05)
        with lock:
            answered.append((key, made["id"]))


def feed(node):
    told, since = [], "0"
    while True:
        page = ask(f"{BASE}{node}/changes?since={since}&limit=1000")
        told += [change["id"] for change in page["changes"]]
        since = page["next"]
        if not page["more"]:
            return told


writers = [threading.Thread(target=write, args=(1 + n % 4,)) for n in range(32)]
[writer.start() for writer in writers]
[writer.join() for writer in writers]
stored = [document["key"] for document in ask(f"{BASE}1/records/c")]
print(len(answered), "answered,", len({id for _, id in answered}), "ids;", len(stored), "stored,",
      len(set(stored)), "keys; every answered one is there:", {key for key, _ in answered} <= set(stored))
first, last = feed(1), feed(4)
print(len(first), "changes; both services tell the same:", first == last, "and none twice:",
      len(set(first)) == len(first))
