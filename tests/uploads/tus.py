"""Uploads with tuspy, through cuts and restarts, and reads the files that became of them.

    python3 tus.py ENDPOINT COUNT BYTES

A line for each upload that has begun and each piece that was taken; at last a line of JSON. Fails when a file has other bytes than
were sent.
"""

import io
import json
import random
import sys
import time

import requests
from tusclient import client
from tusclient.exceptions import TusCommunicationError, TusUploadFailed

endpoint, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
GONE = (TusCommunicationError, TusUploadFailed, requests.ConnectionError)


def patiently(work):
    """Does something again until the server is there."""
    for left in reversed(range(400)):
        try:
            return work()
        except GONE:
            if not left:
                raise
            time.sleep(0.1)


def upload(number):
    data = random.Random(number).randbytes(size)
    tus = client.TusClient(endpoint)
    options = {"chunk_size": 100_000, "upload_checksum": True}
    metadata = {"filename": f"file {number}.bin"}
    uploader = tus.uploader(file_stream=io.BytesIO(data), metadata=metadata, **options)
    url = patiently(uploader.create_url)
    print("begun", flush=True)

    def rest():
        # Asks where to go on.
        sender = tus.uploader(file_stream=io.BytesIO(data), url=url, **options)
        while sender.offset < len(data):
            sender.upload_chunk()
            print("piece", flush=True)

    patiently(rest)
    told = patiently(lambda: requests.get(url, timeout=30)).json()
    assert told["complete"], told
    file = patiently(lambda: requests.get(endpoint.split("/api/")[0] + told["url"], timeout=30))
    assert file.content == data, f"{told} has other bytes"


for number in range(count):
    upload(number)
print(json.dumps({"files": count}))
