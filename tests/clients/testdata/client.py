"""Usage: client.py WAY URL. Each way is one client; all print the body of the answer."""

import os
import sys

way, url = sys.argv[1:]
headers = {"Authorization": "Bearer " + os.environ["CLIENTS_API_KEY"]}


def with_requests():
    import requests

    print(requests.get(url, headers=headers).text)


def with_sse():
    import requests

    session = requests.Session()
    seen = 0
    with session.get(url, headers=headers, stream=True) as answer:
        for line in answer.iter_lines(chunk_size=1):
            print(line.decode())
            if line:
                seen += 1
                requests.post("%s/seen?n=%d" % (url, seen), headers=headers)


def with_httpx():
    import httpx

    print(httpx.get(url, headers=headers).text)


def with_urllib():
    import urllib.request

    print(urllib.request.urlopen(urllib.request.Request(url, headers=headers)).read().decode())


def with_urllib3():
    import urllib3

    pool = urllib3.PoolManager(headers=headers)
    for _ in range(2):
        print(pool.request("GET", url).data.decode())


def with_aiohttp():
    import asyncio

    import aiohttp

    async def main():
        async with aiohttp.ClientSession(headers=headers) as session:
            async with session.get(url) as answer:
                print(await answer.text())

    asyncio.run(main())


def with_aiohttp_socket():
    import asyncio

    import aiohttp

    async def main():
        async with aiohttp.ClientSession(headers=headers) as session:
            async with session.ws_connect(url.replace("https:", "wss:").replace("/hello", "/socket")) as socket:
                await socket.send_str("hello")
                print((await socket.receive()).data)

    asyncio.run(main())


def with_http_client():
    import http.client
    import urllib.parse

    at = urllib.parse.urlsplit(url)
    connection = http.client.HTTPSConnection(at.hostname, timeout=10)
    connection.request("GET", at.path, headers=headers)
    print(connection.getresponse().read().decode())


def with_own_sitecustomize():
    import sitecustomize

    print(sitecustomize.OWN, [p for p in sys.path if "child-" in p])
    with_urllib3()


globals()["with_" + way]()
