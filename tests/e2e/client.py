"""
The core of the scenarios with a client that shares no code with the official ones,
Debian's python3-socketio.

usage: client.py URL [TEXT]        runs the scenarios whose name contains TEXT
prints "ok NAME", "not ok NAME: reason" or "skip NAME: reason" for each
"""
import asyncio
import logging
import queue
import sys

try:
    import socketio
except ImportError as missing:
    print(f"skip client: {missing}")
    sys.exit(0)

logging.disable()  # python-engineio leaves HTTP sessions open, and aiohttp says so

WAIT = 5  # seconds
TRANSPORTS = {
    "websocket": ["websocket"],
    "polling": ["polling"],
    "upgrade": ["polling", "websocket"],
}
JSON = [None, True, 0, -1.5, 2**31, "", [], {}, {"a": [1, {"b": None}]}]
TEXTS = ["Grüße, мир, 世界", "\U0001f469\u200d\U0001f680", "a\0b\x1ec\u2028d", '"\\"']
BINARY = [b"\0\1\2\xff", b"", {"deep": [b"text", 1]}]


def same(got, want):
    if got != want:
        raise AssertionError(f"got {got!r:.300}, want {want!r:.300}")


class Peer:
    """A client whose events wait in queues, by namespace and name."""

    EVENTS = [
        "auth", "message-back", "please-ack", "ack-was", "b",
        "connect", "connect_error", "disconnect",
    ]

    def __init__(self, new_client, new_queue, namespaces):
        self.client = new_client(reconnection=False)
        self.heard = {}
        for namespace in namespaces:
            for event in self.EVENTS:
                heard = self.heard[namespace, event] = new_queue()
                self.client.on(event, self.hearing(event, heard), namespace)

    @staticmethod
    def hearing(event, heard):
        def hear(*args):
            heard.put_nowait(args)
            return ("from python", {"n": 1}) if event == "please-ack" else None

        return hear

    def options(self, transport, auth, namespaces):
        return {
            "transports": TRANSPORTS[transport], "auth": auth, "namespaces": namespaces,
            "wait_timeout": WAIT,
        }

    def check_transport(self, transport):
        same(self.client.transport(), "polling" if transport == "polling" else "websocket")


class SyncPeer(Peer):
    """It hears each event in a thread of its own, so their order means nothing."""

    def __init__(self, url, transport, auth=None, namespaces=("/",)):
        super().__init__(socketio.Client, queue.Queue, namespaces)
        self.client.connect(url, **self.options(transport, auth, list(namespaces)))
        self.check_transport(transport)

    def take(self, event, namespace="/"):
        return self.heard[namespace, event].get(timeout=WAIT)


class AsyncPeer(Peer):
    def __init__(self, namespaces=("/",)):
        super().__init__(socketio.AsyncClient, asyncio.Queue, namespaces)

    @classmethod
    async def connect(cls, url, transport, auth=None, namespaces=("/",)):
        peer = cls(namespaces)
        await peer.client.connect(url, **peer.options(transport, auth, list(namespaces)))
        peer.check_transport(transport)
        return peer

    async def take(self, event, namespace="/"):
        return await asyncio.wait_for(self.heard[namespace, event].get(), WAIT)


def connects_with_auth(url, transport):
    peer = SyncPeer(url, transport, {"token": "x", "n": [1]})
    same(peer.take("auth"), ({"token": "x", "n": [1]},))
    return peer


def connects_without_auth(url, transport):
    peer = SyncPeer(url, transport)
    same(peer.take("auth"), ({},))
    return peer


def refuses_namespaces(url, transport):
    """The client reports them one by one and keeps those that were accepted."""
    names = ("/unknown", "/secret2", "/secret")
    peer = Peer(socketio.Client, queue.Queue, names)
    try:
        peer.client.connect(url, **peer.options(transport, {"token": "no"}, list(names)))
    except socketio.exceptions.ConnectionError:
        pass
    else:
        raise AssertionError("connected")
    errors = [peer.heard[name, "connect_error"].get(timeout=WAIT)[0] for name in names]
    same(errors, [
        {"message": "Invalid namespace"}, {"message": "nope"},
        {"message": "not authorized", "data": {"code": "E_AUTH", "retry": False}},
    ])
    return peer


def has_two_namespaces(url, transport):
    peer = SyncPeer(url, transport, namespaces=("/", "/custom"))
    for namespace in ("/", "/custom"):
        same(peer.take("auth", namespace), ({},))
        peer.client.emit("message", namespace, namespace=namespace)
        same(peer.take("message-back", namespace), (namespace,))
    return peer


def echoes_json_and_text(url, transport):
    peer = SyncPeer(url, transport)
    for args in [*JSON, *TEXTS, tuple(JSON), tuple(TEXTS)]:
        peer.client.emit("message", (args,) if not isinstance(args, tuple) else args)
        same(peer.take("message-back"), args if isinstance(args, tuple) else (args,))
    return peer


def acknowledges(url, transport):
    peer = SyncPeer(url, transport)
    same(peer.client.call("message-with-ack", {"a": 1}, timeout=WAIT), {"a": 1})
    same(peer.client.call("message-with-ack", (1, "b"), timeout=WAIT), (1, "b"))
    return peer


def is_asked_for_an_ack(url, transport):
    peer = SyncPeer(url, transport)
    for i in range(3):
        peer.client.emit("need-ack", ("q", i))
        same(peer.take("please-ack"), ("q", i))
        same(peer.take("ack-was"), ("from python", {"n": 1}))
    return peer


def hears_a_burst(url, transport):
    peer = SyncPeer(url, transport)
    peer.client.emit("burst", 200)
    same(sorted(peer.take("b")[0] for _ in range(200)), list(range(200)))
    return peer


def is_kicked_from_one_namespace(url, transport):
    peer = SyncPeer(url, transport, namespaces=("/", "/custom"))
    peer.client.emit("kick", namespace="/custom")
    peer.take("disconnect", "/custom")
    peer.client.emit("message", "still here")
    same(peer.take("message-back"), ("still here",))
    return peer


def is_kicked_from_all(url, transport):
    peer = SyncPeer(url, transport, namespaces=("/", "/custom"))
    peer.client.emit("kick-all")
    peer.take("disconnect", "/custom")
    peer.take("disconnect")
    peer.client.wait()
    same(peer.client.connected, False)
    return peer


def disconnects_and_returns(url, transport):
    first = SyncPeer(url, transport)
    sid = first.client.get_sid()
    first.client.disconnect()
    first.take("disconnect")
    second = SyncPeer(url, transport)
    same(second.client.get_sid() != sid, True)
    same(second.client.call("message-with-ack", 1, timeout=WAIT), 1)
    return second


async def echoes_binary(url, transport):
    peer = await AsyncPeer.connect(url, transport)
    for args in [*BINARY, tuple(BINARY), tuple(bytes([i]) for i in range(10))]:
        await peer.client.emit("message", args)
        same(await peer.take("message-back"), args if isinstance(args, tuple) else (args,))
    same(await peer.client.call("message-with-ack", BINARY[2], timeout=WAIT), BINARY[2])
    return peer


async def hears_a_burst_in_order(url, transport):
    peer = await AsyncPeer.connect(url, transport)
    await peer.client.emit("burst", 2000)
    same([(await peer.take("b"))[0] for _ in range(2000)], list(range(2000)))
    return peer


async def sends_in_order(url, transport):
    peer = await AsyncPeer.connect(url, transport)
    for i in range(500):
        await peer.client.emit("message", i)
    same([(await peer.take("message-back"))[0] for _ in range(500)], list(range(500)))
    return peer


async def acknowledges_and_asks(url, transport):
    peer = await AsyncPeer.connect(url, transport, {"a": TEXTS})
    same(await peer.take("auth"), ({"a": TEXTS},))
    same(await peer.client.call("message-with-ack", TEXTS, timeout=WAIT), TEXTS)
    await peer.client.emit("need-ack", "q")
    same(await peer.take("ack-was"), ("from python", {"n": 1}))
    return peer


SYNC = [
    connects_with_auth, connects_without_auth, refuses_namespaces, has_two_namespaces,
    echoes_json_and_text, acknowledges, is_asked_for_an_ack, hears_a_burst,
    is_kicked_from_one_namespace, is_kicked_from_all, disconnects_and_returns,
]
ASYNC = [echoes_binary, hears_a_burst_in_order, sends_in_order, acknowledges_and_asks]


def run_sync(scenario, url, transport):
    scenario(url, transport).client.disconnect()


def run_async(scenario, url, transport):
    async def run():
        peer = await scenario(url, transport)
        await peer.client.disconnect()

    asyncio.run(asyncio.wait_for(run(), 4 * WAIT))


def report(name, run, scenario, url, transport):
    try:
        run(scenario, url, transport)
    except Exception as error:  # whatever it is, it is this scenario's failure
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"not ok {name}: {reason}", flush=True)
    else:
        print(f"ok {name}", flush=True)


def missing(module):
    try:
        __import__(module)
    except ImportError as error:
        return str(error)
    return None


def main(url, text=""):
    tables = [
        ("client", run_sync, SYNC, missing("requests") or missing("websocket")),
        ("asyncio client", run_async, ASYNC, missing("aiohttp")),
    ]
    for kind, run, scenarios, reason in tables:
        for scenario in scenarios:
            for transport in TRANSPORTS:
                name = f"{kind} {scenario.__name__.replace('_', ' ')} ({transport})"
                if text not in f"python/{name}":
                    continue
                if reason:
                    print(f"skip {name}: {reason}")
                else:
                    report(name, run, scenario, url, transport)


main(*sys.argv[1:])
