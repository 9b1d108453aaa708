#!/usr/bin/python3
"""usage: swift_rings.py DIR KIND=PORT...

Makes the ring of each kind of server, of one device: swift-ring-builder would be started three
times for each, and most of its time is its start.
"""
import sys

from swift.common.ring import RingBuilder

for kind, port in (arg.split("=") for arg in sys.argv[2:]):
    builder = RingBuilder(6, 1, 1)
    builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port), "device": "d1",
                     "weight": 1, "replication_ip": "127.0.0.1", "replication_port": int(port)})
    builder.rebalance()
    builder.get_ring().save(f"{sys.argv[1]}/{kind}.ring.gz")
