"""A link of 10 ms there and back: slow-link.py PORT HOST:PORT"""

import asyncio
import sys

DELAY = 0.005
HOST, PORT = sys.argv[2].split(":")


async def one_way(reader, writer):
    pieces = asyncio.Queue()

    async def send():
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(max(0, due - asyncio.get_running_loop().time()))
            if piece is None:
                writer.close()
                return
            writer.write(piece)
            await writer.drain()

    sending = asyncio.create_task(send())
    try:
        while piece := await reader.read(65536):
            pieces.put_nowait((asyncio.get_running_loop().time() + DELAY, piece))
    except ConnectionError:
        pass
    pieces.put_nowait((0, None))
    await sending


async def connect(reader, writer):
    there = await asyncio.open_connection(HOST, int(PORT))
    ways = one_way(reader, there[1]), one_way(there[0], writer)
    await asyncio.gather(*ways, return_exceptions=True)


async def main():
    server = await asyncio.start_server(connect, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


asyncio.run(main())
