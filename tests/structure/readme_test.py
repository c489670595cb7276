#!/usr/bin/python3
"""What README.md says of each function of graphite-web is what is known of it, and of all of them."""
import os
import re
import subprocess
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SCRIPT = os.path.join(ROOT, "tests", "graphite", "function_table")


class Readme(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            text = file.read()
        self.table = re.search(r"(?s)<!-- tests/graphite/function_table --write -->\n(.*?)"
                               r"<!-- end of the functions -->", text)[1]

    def test_the_table_is_what_the_script_makes(self):
        made = subprocess.run([SCRIPT], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.assertEqual(self.table, made, "run tests/graphite/function_table --write")

    def test_each_of_graphite_web_s_functions_is_in_the_table(self):
        rows = [line for line in self.table.splitlines() if line.startswith("|")][2:]
        listed = re.findall(r"`(\w+)`", "\n".join(rows))
        self.assertEqual(len(listed), 151)
        self.assertEqual(len(set(listed)), 151)

    def test_each_number_in_the_table_has_its_line_and_each_line_its_number(self):
        used = {int(one) for cell in re.findall(r"` \(([\d, ]+)\)", self.table)
                for one in cell.split(", ")}
        lines = [int(one) for one in re.findall(r"(?m)^(\d+)\. ", self.table)]
        self.assertEqual(lines, list(range(1, len(lines) + 1)))
        self.assertEqual(used, set(lines))


if __name__ == "__main__":
    unittest.main()
