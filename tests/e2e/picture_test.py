#!/usr/bin/python3
"""Pictures over HTTP of what a real agent measured: PNG and SVG of the size that was asked for,
with the line where the values of the JSON answer say, kept by ETag, and bad parameters told.

The PNG is decoded here by zlib alone (ISO/IEC 15948).
"""
import json
import struct
import time
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree
import zlib

import lab

MEMORY = "dadvisor.*.hosts.*.mem.used"
RED = (255, 0, 0)
SECONDS = 12


class Png:
    """A PNG of 8 bits a channel, not interlaced: width, height and rows of (r, g, b)."""

    def __init__(self, data):
        assert data[:8] == b"\x89PNG\r\n\x1a\n", data[:20]
        at, packed = 8, b""
        while at < len(data):
            size, kind = struct.unpack(">I4s", data[at:at + 8])
            body = data[at + 8:at + 8 + size]
            assert struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0] == zlib.crc32(kind + body)
            if kind == b"IHDR":
                self.width, self.height, depth, color, _, _, interlace = struct.unpack(">IIBBBBB", body)
                assert depth == 8 and color in (2, 6) and interlace == 0
                channels = 3 if color == 2 else 4
            elif kind == b"IDAT":
                packed += body
            at += 12 + size
        self.rows = self.unfiltered(zlib.decompress(packed), channels)

    def unfiltered(self, raw, channels):
        size = self.width * channels
        assert len(raw) == (size + 1) * self.height
        rows, above = [], bytes(size)
        for y in range(self.height):
            line = bytearray(raw[y * (size + 1) + 1:(y + 1) * (size + 1)])
            kind = raw[y * (size + 1)]
            for i in range(size) if kind else ():
                left = line[i - channels] if i >= channels else 0
                corner = above[i - channels] if i >= channels else 0
                if kind == 1:
                    more = left
                elif kind == 2:
                    more = above[i]
                elif kind == 3:
                    more = (left + above[i]) // 2
                else:
                    guess = left + above[i] - corner
                    more = min((left, above[i], corner), key=lambda one: abs(guess - one))
                line[i] = (line[i] + more) & 255
            above = bytes(line)
            rows.append([tuple(above[i:i + 3]) for i in range(0, size, channels)])
        return rows

    def colors(self):
        return {pixel for row in self.rows for pixel in row}

    def heights(self, column, color):
        return [y for y in range(self.height) if self.rows[y][column] == color]


class Picture(lab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.aggregator = cls.start(lab.Aggregator(cls.directory))
        cls.start(lab.Agent(cls.directory, cls.aggregator, docker_socket=""))
        lab.wait_until(lambda: any(len(points) > SECONDS for points in
                                   cls.aggregator.render(MEMORY).values()), 30, "the host's memory")
        # All ticks of the window have come by then, and late ones would not be the host's.
        cls.until = int(time.time()) - 3
        cls.window = {"target": MEMORY, "from": cls.until - SECONDS + 2, "until": cls.until}

    def ask(self, headers=None, **query):
        url = self.aggregator.url + "/render?" + urllib.parse.urlencode(
            {**self.window, **query}, doseq=True)
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}),
                                        timeout=10) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def png(self, **query):
        status, headers, body = self.ask(format="png", **query)
        self.assertEqual(status, 200, body[:200])
        self.assertEqual(headers["Content-Type"], "image/png")
        self.assertEqual(int(headers["Content-Length"]), len(body))
        return Png(body)

    def test_sizes_are_those_asked_for(self):
        for query, size in (({}, (330, 250)), ({"width": 600, "height": 300}, (600, 300)),
                            ({"width": 1600, "height": 600}, (1600, 600)),
                            ({"width": 200, "height": 100, "scale": 2}, (400, 200))):
            picture = self.png(**query)
            self.assertEqual((picture.width, picture.height), size)
            self.assertGreater(len(picture.colors()), 20, "letters and lines on a ground")

    def test_the_line_is_where_the_values_are(self):
        status, _, body = self.ask(format="json")
        self.assertEqual(status, 200, body[:200])
        points = [(when, value) for value, when in json.loads(body)[0]["datapoints"]
                  if value is not None]
        self.assertGreaterEqual(len(points), SECONDS - 4)
        top = 2 * max(value for _, value in points)
        # The plot alone fills the picture: its edges are the window's and the axis' ends.
        width, height = 400, 200
        picture = self.png(width=width, height=height, graphOnly="true", yMin=0, yMax=top,
                           colorList="ff0000", lineWidth=5, target="alias(%s,'memory')" % MEMORY)
        start, span = self.window["from"], self.window["until"] - self.window["from"]
        seen = 0
        for when, value in points:
            column = round((when - start) / span * width)
            if not 0 < column < width:
                continue
            heights = picture.heights(column, RED)
            self.assertTrue(heights, "no line at %d s" % (when - start))
            middle = (heights[0] + heights[-1] + 1) / 2
            self.assertLess(abs(middle - height * (1 - value / top)), 3)
            seen += 1
        self.assertGreaterEqual(seen, SECONDS - 5)
        # What is not asked for is not there.
        nothing = self.png(graphOnly="true", colorList="ff0000", target="no.such.series")
        self.assertNotIn(RED, nothing.colors())

    def test_svg_is_a_drawing_of_that_size(self):
        status, headers, body = self.ask(format="svg", width=600, height=300, colorList="ff0000",
                                         title="</svg><script>")
        self.assertEqual(status, 200, body[:200])
        self.assertTrue(headers["Content-Type"].startswith("image/svg+xml"))
        root = xml.etree.ElementTree.fromstring(body)
        self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
        self.assertEqual((root.get("width"), root.get("height")), ("600px", "300px"))
        red = [path for path in root.iter("{http://www.w3.org/2000/svg}path")
               if "stroke:rgb(100%,0%,0%)" in path.get("style", "")]
        self.assertTrue(red, "the curve")
        self.assertNotIn(b"<script", body)
        self.assertNotIn(b"<image", body)  # nothing became pixels

    def test_a_picture_that_did_not_change_is_not_sent_again(self):
        for form in ("png", "svg"):
            _, headers, _ = self.ask(format=form)
            self.assertTrue(headers["ETag"])
            status, again, body = self.ask(format=form, headers={"If-None-Match": headers["ETag"]})
            self.assertEqual((status, again["ETag"], body), (304, headers["ETag"], b""))
            status, other, body = self.ask(format=form, width=331,
                                           headers={"If-None-Match": headers["ETag"]})
            self.assertEqual(status, 200)
            self.assertNotEqual(other["ETag"], headers["ETag"])
            self.assertTrue(body)

    def test_bad_parameters_are_told_by_name(self):
        for form in ("png", "svg"):
            for name, value in (("width", "0"), ("height", "4097"), ("width", "wide"),
                                ("scale", "100"), ("areaMode", "some"), ("bgcolor", "nocolour"),
                                ("lineWidth", "-1"), ("threshold", "high"), ("graphType", "bar")):
                status, headers, body = self.ask(format=form, **{name: value})
                self.assertEqual(status, 400, "%s=%s" % (name, value))
                self.assertTrue(headers["Content-Type"].startswith("text/plain"))
                self.assertTrue(body.decode().startswith(name + ":"), body)
                self.assertEqual(body.count(b"\n"), 1, body)
        status, _, body = self.ask(format="png", target="sumSeries(")
        self.assertEqual(status, 400)
        self.assertIn(b"target", body)


if __name__ == "__main__":
    lab.main("picture")
