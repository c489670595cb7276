#!/usr/bin/python3
"""An agent, a reader and the operator's command by TLS 1.3, with certificates that openssl made."""
import os
import re
import subprocess

import lab


def s_client(port, *options):
    """What openssl says of who listens there."""
    done = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % port, *options],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    return done.stdout + done.stderr


class Tls(lab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = lab.Authority(cls.directory)
        cls.certificate, cls.key = cls.authority.sign("site", "IP:127.0.0.1")
        cls.aggregator = cls.start(lab.Aggregator(
            cls.directory, authority=cls.authority.certificate, tls_certificate=cls.certificate,
            tls_key=cls.key, tls_client_ca=cls.authority.certificate))

    def agent(self, name, **flags):
        return self.start(lab.Agent(self.directory, self.aggregator, name=name, docker_socket="",
                                    **flags))

    def points(self, name):
        return self.aggregator.render("dadvisor.*.hosts.%s.mem.total" % name)

    def test_rows_come_by_tls(self):
        own = self.authority.sign("sure", "DNS:sure")
        agent = self.agent("sure", tls_ca=self.authority.certificate, tls_certificate=own[0],
                           tls_key=own[1])
        lab.wait_until(lambda: self.points("sure"), 20, "its rows are there")
        self.assertEqual(agent.own_metric("dadvisor_agent_aggregator_up"), 1)
        expires = agent.own_metric("dadvisor_agent_tls_expires_seconds")
        self.assert_close(expires - lab.time.time(), 30 * 86400, 0.001, "it expires in 30 days")

    def test_who_does_not_trust_it_sends_nothing(self):
        stranger = lab.Authority(self.directory, "stranger")
        agent = self.agent("wary", tls_ca=stranger.certificate)
        lab.wait_until(lambda: "nothing gets to" in lab.read(agent.log), 20, "it says so")
        line = [line for line in lab.read(agent.log).splitlines() if "nothing gets to" in line][0]
        self.assertIn("its certificate is of an authority that is not trusted here; name that "
                      "authority's certificate by tls_ca", line)
        lab.wait_until(lambda: agent.own_metric("dadvisor_agent_batches_waiting"), 10,
                       "its batches wait")
        self.assertFalse(self.points("wary"))

    def test_nothing_older_is_spoken(self):
        port = self.aggregator.port
        self.assertIn("TLSv1.3, Cipher is TLS_", s_client(port, "-tls1_3"))
        failures = self.aggregator.own_metric("dadvisor_http_tls_failures_total")
        self.assertIn("alert protocol version", s_client(port, "-tls1_2"))
        self.assertGreater(self.aggregator.own_metric("dadvisor_http_tls_failures_total"), failures)
        status, body = lab.http_get("http://127.0.0.1:%d/healthz" % port)
        self.assertEqual((status, body), (400, b"this port speaks TLS alone: write https://\n"))

    def test_the_command_asks_by_tls(self):
        command = [os.path.join(lab.BIN, "dadvisor"), "store", "info", "--aggregator",
                   self.aggregator.url]
        done = subprocess.run(command + ["--ca-file", self.authority.certificate],
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(done.returncode, 3)
        self.assertIn("not trusted here", done.stderr)

    def test_certificates_change_while_it_runs(self):
        own = self.authority.sign("steady", "DNS:steady")
        agent = self.agent("steady", tls_ca=self.authority.certificate, tls_certificate=own[0],
                           tls_key=own[1])
        lab.wait_until(lambda: self.points("steady"), 20, "its rows are there")
        port = self.aggregator.port

        def serial():
            shown = s_client(port, "-showcerts")
            pem = re.search("-----BEGIN CERT.*?END CERTIFICATE-----", shown, re.S).group()
            return subprocess.run(["openssl", "x509", "-noout", "-serial"], input=pem, check=True,
                                  capture_output=True, text=True).stdout
        before = serial()
        connections = self.aggregator.own_metric("dadvisor_http_connections_total")
        with open(self.certificate) as file:
            good = file.read()

        def write(path, text):
            with open(path + ".new", "w") as file:
                file.write(text)
            os.chmod(path + ".new", 0o600)
            os.rename(path + ".new", path)
        write(self.certificate, "nothing\n")
        lab.wait_until(lambda: self.aggregator.own_metric(
            "dadvisor_http_tls_reloads_refused_total"), 15, "a wrong file is refused")
        self.assertEqual(serial(), before)
        self.assertIn("TLS stays as it was: %s: no certificate in PEM" % self.certificate,
                      lab.read(self.aggregator.log))
        write(self.certificate, good)
        lab.wait_until(lambda: self.aggregator.own_metric("dadvisor_http_tls_reloads_total"), 15,
                       "the right one is taken again")
        renewed = self.authority.sign("renewed", "IP:127.0.0.1")
        os.rename(renewed[1], self.key)
        os.rename(renewed[0], self.certificate)
        lab.wait_until(lambda: serial() != before, 15, "the renewed one is shown")
        # The agent's connection ends with the old certificate and it opens another: no tick is lost.
        self.assertGreater(self.aggregator.own_metric("dadvisor_http_connections_total"),
                           connections)
        lab.time.sleep(3)
        ticks = sorted(self.points("steady").popitem()[1])
        print("    %d ticks of a second over the change" % len(ticks))
        self.assertEqual(ticks, list(range(ticks[0], ticks[-1] + 1)))
        self.assertEqual(agent.own_metric("dadvisor_agent_batches_dropped_total"), 0)


if __name__ == "__main__":
    lab.main("tls")
