"""
The core of the chat with a client that shares no code with the official ones, Debian's
python3-socketio; and with tokens that share no code with npm's jose.

usage: client.py URL TEXT SECRET_FILE    runs the scenarios whose name contains TEXT
prints "ok NAME", "not ok NAME: reason" or "skip NAME: reason" for each, and "code NAME"
for each error code that it is sent
"""
import asyncio
import base64
import hashlib
import hmac
import json
import logging
import os
import re
import secrets
import sys
import time

try:
    import aiohttp  # pylint: disable=unused-import  # what the client needs
    import socketio
except ImportError as missing:
    print(f"skip chat client: {missing}")
    sys.exit(0)

logging.disable()  # python-engineio leaves HTTP sessions open, and aiohttp says so

WAIT = 5  # seconds
MAY_REPEAT = (int(os.environ.get("PARLEY_WORKERS", "1")) > 1
              or os.environ.get("STORE") == "postgres")  # what a resume brings
TRANSPORTS = {"websocket": ["websocket"], "polling": ["polling"]}
EVENTS = [
    "ready", "synced", "message.new", "message.delivered", "message.read", "ack", "error",
    "warning", "connect_error", "disconnect",
]
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


def same(got, want):
    if got != want:
        raise AssertionError(f"got {got!r:.300}, want {want!r:.300}")


def wallet():
    return "0x" + secrets.token_hex(20)


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """HS256 by hand: RFC 7515."""

    def __init__(self, secret):
        self.secret = secret

    def token(self, address, secret=None, **claims):
        header = {"alg": "HS256", "typ": "JWT"}
        body = {
            "iss": "https://hs.test", "aud": "chat.test", "sub": address,
            "exp": int(time.time()) + 3600, "jti": secrets.token_hex(8), **claims,
        }
        text = ".".join(base64url(json.dumps(part).encode()) for part in (header, body))
        mac = hmac.new(secret or self.secret, text.encode(), hashlib.sha256)
        return f"{text}.{base64url(mac.digest())}"


def saw(code):
    print(f"code {code}", flush=True)


class Peer:
    def __init__(self, address, is_acking=True, had=()):
        self.address = address
        self.is_acking = is_acking
        self.had = had  # ids of messages that its device has, and drops where they come again
        self.client = socketio.AsyncClient(reconnection=False)
        self.heard = {event: asyncio.Queue() for event in EVENTS}
        for event in EVENTS:
            self.client.on(event, self.hearing(event))

    def hearing(self, event):
        def hear(*args):
            if event == "error":
                saw(args[0]["error"]["code"])
            if event == "connect_error":
                saw(args[0]["data"]["code"])
            self.heard[event].put_nowait(args[0] if args else None)

        async def hear_message(*args):
            if MAY_REPEAT and args[0]["id"] in self.had:
                return
            hear(*args)
            if not self.is_acking:
                await asyncio.sleep(3600)  # a handler that returns acknowledges

        return hear_message if event == "message.new" else hear

    async def connect(self, url, transport, token, **auth):
        """The client would wait for seconds before it says that it was refused."""
        await self.client.connect(
            url, transports=TRANSPORTS[transport], auth={"token": token, **auth}, wait=False)

    async def take(self, event):
        return await asyncio.wait_for(self.heard[event].get(), WAIT)

    async def ask(self, event, payload):
        answer = await self.client.call(event, payload, timeout=WAIT)
        if "error" in answer:
            saw(answer["error"]["code"])
        return answer

    async def ok(self, event, payload):
        answer = await self.ask(event, payload)
        same(answer.get("status"), "ok")
        return answer

    async def refused(self, event, payload, code):
        answer = await self.ask(event, payload)
        same((answer["status"], answer["error"]["code"]), ("error", code))

    async def send(self, peer, content, **more):
        answer = await self.ok("message.send", {
            "to": peer.address, "type": "text", "content": content, **more,
        })
        return answer["message"]


class World:
    """What a scenario gets: peers, which leave at its end."""

    def __init__(self, url, transport, issuer):
        self.url, self.transport, self.issuer = url, transport, issuer
        self.peers = []

    async def join(self, address=None, is_acking=True, had=(), **auth):
        address = address or wallet()
        peer = Peer(address, is_acking, had)
        self.peers.append(peer)
        await peer.connect(self.url, self.transport, self.issuer.token(address), **auth)
        peer.ready = await peer.take("ready")
        same(peer.ready["account"].lower(), address.lower())
        peer.address = peer.ready["account"]
        peer.cursor = (await peer.take("synced"))["cursor"]
        return peer

    async def refusal(self, token):
        peer = Peer(wallet())
        self.peers.append(peer)
        await peer.connect(self.url, self.transport, token)
        return (await peer.take("connect_error"))["data"]

    async def leave(self):
        for peer in self.peers:
            await peer.client.disconnect()


async def refuses_tokens(world):
    token = world.issuer.token
    rows = [
        (None, "token_missing"), ("", "token_missing"), ("garbage", "token_invalid"),
        (token(wallet(), secret=b"x" * 48), "token_invalid"),
        (token(wallet(), exp=int(time.time()) - 100), "token_expired"),
        (token(wallet(), nbf=int(time.time()) + 100), "token_invalid"),
        (token(wallet(), iss="https://other.test"), "token_invalid"),
        (token(wallet(), aud="other.test"), "token_invalid"),
        (token("alice"), "token_invalid"),
    ]
    for one, code in rows:
        same(await world.refusal(one), {"code": code})


async def sends_delivers_and_reads(world):
    a, b = await world.join(), await world.join()
    sent = await a.send(b, "grüße \U0001f680", client_msg_id="k1")
    same((sent["seq"], sent["status"], sent["client_msg_id"]), (1, "undelivered", "k1"))
    same(sent["id"], f"{sent['conversation']}:1")
    same(bool(TIME.match(sent["created_at"])), True)
    got = await b.take("message.new")
    same((got["id"], got["content"], got["peer"]), (sent["id"], "grüße \U0001f680", a.address))
    same("client_msg_id" in got, False)
    for peer in (a, b):
        receipt = await peer.take("message.delivered")
        same((receipt["seq"], receipt["by"]), (1, b.address))
    same(await b.ok("message.read", {"peer": a.address, "seq": 1}), {"status": "ok", "seq": 1})
    for peer in (a, b):
        same((await peer.take("message.read"))["by"], b.address)
    page = await a.ok("message.history", {"peer": b.address})
    same([m["status"] for m in page["messages"]], ["read"])


async def answers_with_events(world):
    a, b = await world.join(), await world.join()
    send = {"to": b.address, "type": "text", "content": "x", "client_msg_id": "k"}
    await a.client.emit("message.send", send)
    ack = await a.take("ack")
    same((ack["status"], ack["duplicate"], ack["message"]["seq"]), ("ok", False, 1))
    await a.client.emit("message.send", {**send, "content": "y"})
    error = await a.take("error")
    same((error["error"]["code"], error["event"], error["client_msg_id"]),
         ("conflict", "message.send", "k"))


async def knows_duplicates(world):
    a, b = await world.join(), await world.join()
    send = {"to": b.address, "type": "x-any", "client_msg_id": "k"}
    one = await a.ok("message.send", {**send, "content": {"a": 1, "b": [None]}})
    two = await a.ok("message.send", {**send, "content": {"b": [None], "a": 1}})
    same((one["duplicate"], two["duplicate"]), (False, True))
    same(one["message"]["id"], two["message"]["id"])
    await a.refused("message.send", {**send, "content": {"a": 2}}, "conflict")


async def refuses_what_is_wrong(world):
    a, b = await world.join(), await world.join()
    text = {"to": b.address, "type": "text"}
    rows = [
        ({**text, "content": ""}, "bad_request"),
        ({**text, "content": b"bytes"}, "bad_request"),
        ({**text, "content": "a\0b"}, "bad_request"),
        ({**text, "content": "x" * 65537}, "too_large"),
        ({**text, "type": "sticker", "content": {"url": "x"}}, "unsupported_type"),
        ({**text, "to": a.address, "content": "x"}, "recipient_invalid"),
        ({**text, "to": "0x" + "0" * 40, "content": "x"}, "recipient_invalid"),
    ]
    for payload, code in rows:
        await a.refused("message.send", payload, code)
    await a.refused("poll.create", {"peer": b.address}, "unknown_event")
    await a.refused("message.history", {"peer": wallet()}, "not_found")
    same((await a.send(b, "x" * 65536))["seq"], 1)
    same(len((await b.take("message.new"))["content"]), 65536)


async def keeps_messages_for_who_is_away(world):
    a, b = await world.join(), await world.join()
    await b.client.disconnect()
    for i in range(200):
        await a.send(b, f"{i}")
    again = await world.join(b.address)
    got = [await again.take("message.new") for _ in range(200)]
    same([(m["seq"], m["content"]) for m in got], [(i + 1, f"{i}") for i in range(200)])
    seq = 0
    while seq < 200:
        seq = (await a.take("message.delivered"))["seq"]
    third = await world.join(b.address)
    same(third.heard["message.new"].qsize(), 0)


async def sends_again_what_was_withheld(world):
    a, b = await world.join(), await world.join(is_acking=False)
    for i in range(3):
        await a.send(b, f"{i}")
    for _ in range(3):
        await b.take("message.new")
    await b.client.disconnect()
    again = await world.join(b.address)
    same([(await again.take("message.new"))["seq"] for _ in range(3)], [1, 2, 3])


async def goes_on_from_a_cursor(world):
    a, b = await world.join(), await world.join()
    await a.send(b, "before")
    had = [(await b.take("message.new"))["id"]]
    cursor = (await b.take("message.delivered"))["cursor"]
    await b.client.disconnect()
    other = await world.join(b.address)
    await a.send(b, "since")
    await other.take("message.new")
    again = await world.join(b.address, had=had, cursor=cursor)
    same(again.ready["recovered"], True)
    same((await again.take("message.new"))["content"], "since")
    foreign = await world.join(cursor=cursor)
    same(foreign.ready["recovered"], False)


async def tells_each_device(world):
    a, b = await world.join(), await world.join()
    a2, b2 = await world.join(a.address), await world.join(b.address)
    sent = await a.send(b, "x", client_msg_id="k")
    for peer in (a2, b, b2):
        same((await peer.take("message.new"))["id"], sent["id"])
    await a.ok("conversation.list", {})
    same(a.heard["message.new"].qsize(), 0)


async def lists_conversations(world):
    a, b, c = await world.join(), await world.join(), await world.join()
    await b.send(a, "one")
    await c.send(a, "two")
    await c.send(a, "three")
    listed = (await a.ok("conversation.list", {}))["conversations"]
    same([(one["peer"], one["unread"], one["last_seq"]) for one in listed],
         [(c.address, 2, 2), (b.address, 1, 1)])
    page = await a.ok("conversation.list", {"limit": 1})
    rest = await a.ok("conversation.list", {"limit": 1, "after": page["next"]})
    same(rest["conversations"][0]["peer"], b.address)


SCENARIOS = [
    refuses_tokens, sends_delivers_and_reads, answers_with_events, knows_duplicates,
    refuses_what_is_wrong, keeps_messages_for_who_is_away, sends_again_what_was_withheld,
    goes_on_from_a_cursor, tells_each_device, lists_conversations,
]


async def run(scenario, world):
    try:
        await scenario(world)
    finally:
        await world.leave()


def report(name, scenario, world):
    try:
        asyncio.run(asyncio.wait_for(run(scenario, world), 6 * WAIT))
    except Exception as error:  # whatever it is, it is this scenario's failure
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"not ok {name}: {reason}", flush=True)
    else:
        print(f"ok {name}", flush=True)


def main(url, text, secret_file):
    with open(secret_file, "rb") as file:
        issuer = Issuer(file.read())
    for scenario in SCENARIOS:
        for transport in TRANSPORTS:
            name = f"chat client {scenario.__name__.replace('_', ' ')} ({transport})"
            if text in f"python/{name}":
                report(name, scenario, World(url, transport, issuer))


main(*sys.argv[1:])
