"""frames: an agent's side of the protocol, made by hand, where a test must know each batch.

Key frames by common/core/frame/FORMAT.md and requests by common/core/delivery/PROTOCOL.md.
"""
import json
import struct
import urllib.error
import urllib.request

HOST, CONTAINER = 1, 2


def crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = crc32c_table()


def crc32c(data):
    crc, table = 0xFFFFFFFF, TABLE
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def string(text):
    data = text.encode()
    return varint(len(data)) + data


def zigzag(value):
    return value << 1 if value >= 0 else (-value << 1) - 1


def key_frame(agent, epoch, sequence, tick_ns, step_ns, metrics, rows):
    """rows: (kind, container id, labels, values) each with a value for every metric."""
    out = bytearray(b"dAF1")
    out += struct.pack("<BBQQQqq", 0, 0, sequence, epoch, 0, tick_ns, step_ns) + string(agent)
    out += varint(1) + varint(len(metrics)) + b"".join(map(varint, metrics))
    out += varint(len(rows))
    for kind, container, labels, _ in rows:
        out += varint(0) + bytes([kind]) + varint(0) + string(container) + varint(zigzag(0))
        out += varint(len(labels))
        for key in sorted(labels):
            out += string(key) + string(labels[key])
    out += varint(len(rows))
    mask = ((1 << len(metrics)) - 1).to_bytes((len(metrics) + 7) // 8, "little")
    for _, _, _, values in rows:
        out += varint(0) + varint(0) + mask + b"".join(varint(zigzag(value)) for value in values)
    return bytes(out) + struct.pack("<I", crc32c(out))


class Sender:
    """One agent that has one batch a request, and knows what was acknowledged."""

    def __init__(self, url, agent, epoch=1):
        self.url, self.agent, self.epoch, self.instance = url, agent, epoch, "test"
        self.acknowledged = 0

    def post(self, path, body):
        """Status, answer, headers; status 0 where nobody answers."""
        request = urllib.request.Request(self.url + path, data=body, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read(), error.headers
        except OSError as error:
            return 0, str(error).encode(), {}

    def hello(self):
        """How far the aggregator says that it is."""
        first = {"first": self.acknowledged + 1}
        status, body, _ = self.post("/api/v1/hello", json.dumps(
            {"agent": self.agent, "instance": self.instance, "boot_id": "boot",
             "epoch": self.epoch, "fresh": first, "backlog": {"first": 1}}).encode())
        assert status == 200, (status, body)
        return json.loads(body)["fresh"]["hi"]

    def send(self, frame):
        """Sends the frame of the sequence behind the last one acknowledged; status, headers."""
        body = b"dAB2" + string(self.instance) + struct.pack("<QI", 0, len(frame)) + frame
        status, answer, headers = self.post("/api/v1/batches", body)
        if status == 200:
            acked = json.loads(answer)
            assert "refused" not in acked, acked
            self.acknowledged = acked["acked"]["fresh"]
        return status, headers
