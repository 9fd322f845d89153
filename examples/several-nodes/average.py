"""Data-parallel training over several machines, with Python's standard library alone.

Each node fits a line to points of its own; after every step the nodes average their gradients through the first one,
as torchrun's do. They find each other by what gpujob tells them: rank, number of nodes, address and port of the first.
"""

import json
import os
import random
import socket
import time

RANK = int(os.environ["GPUJOB_NODE_RANK"])
NODES = int(os.environ["GPUJOB_NUM_NODES"])
ADDRESS = (os.environ["GPUJOB_MASTER_ADDR"], int(os.environ["GPUJOB_MASTER_PORT"]))
STEPS = 200
PATIENCE = 60  # seconds for all nodes to arrive


def gather():
    """The first node waits for all others; each other knocks until it is let in. Answers files to read and write."""
    if RANK == 0:
        with socket.create_server(("", ADDRESS[1])) as server:
            server.settimeout(PATIENCE)
            sockets = [server.accept()[0] for _ in range(NODES - 1)]
    else:
        sockets = [knock()]
    return [connection.makefile("rw") for connection in sockets]


def knock():
    """Tries until the first node listens."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection(ADDRESS, timeout=PATIENCE)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def send(peer, value):
    """One value, one line of JSON."""
    peer.write(json.dumps(value) + "\n")
    peer.flush()


def average(peers, value):
    """The mean of everybody's value, the same on every node."""
    if RANK > 0:
        send(peers[0], value)
        return json.loads(peers[0].readline())
    values = [value] + [json.loads(peer.readline()) for peer in peers]
    mean = [sum(column) / NODES for column in zip(*values)]
    for peer in peers:
        send(peer, mean)
    return mean


def main():
    """Fits y = 3x + 1 from points that no node has all of."""
    own = random.Random(RANK)
    points = [(x, 3 * x + 1 + own.gauss(0, 0.1)) for x in (own.uniform(-1, 1) for _ in range(200))]
    peers = gather()
    print(f"node {RANK} of {NODES} is ready with {len(points)} points", flush=True)
    slope = offset = 0.0
    for step in range(STEPS + 1):
        errors = [(x, slope * x + offset - y) for x, y in points]
        gradient = [sum(x * e for x, e in errors) / len(points), sum(e for _, e in errors) / len(points)]
        loss = sum(e * e for _, e in errors) / len(points)
        slope_change, offset_change, mean_loss = average(peers, [*gradient, loss])
        slope -= 0.3 * slope_change
        offset -= 0.3 * offset_change
        if RANK == 0 and step % 50 == 0:
            print(f"step {step:3d}  loss {mean_loss:.4f}", flush=True)
    with open(os.path.join(os.environ["GPUJOB_OUTPUT_DIR"], "line.json"), "w") as file:
        json.dump({"rank": RANK, "slope": round(slope, 6), "offset": round(offset, 6)}, file)


main()
