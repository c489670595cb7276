#!/usr/bin/python3
"""A host writes itself alone: by a token of its own, of which the aggregator has the hash, or by its
certificate."""
import os
import subprocess

import lab


def write(path, text, mode=0o600):
    with open(path + ".new", "w") as file:
        file.write(text)
    os.chmod(path + ".new", mode)
    os.rename(path + ".new", path)
    return path


class HostTokens(lab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = lab.Authority(cls.directory)
        certificate, key = cls.authority.sign("site", "IP:127.0.0.1")
        cls.readers = "0123456789abcdef0123456789abcdef"
        cls.hashes = write(os.path.join(cls.directory, "hosts"), "# none yet\n", 0o640)
        cls.aggregator = cls.start(lab.Aggregator(
            cls.directory, authority=cls.authority.certificate, token=cls.readers,
            token_file=write(os.path.join(cls.directory, "readers"), cls.readers + "\n"),
            tls_certificate=certificate, tls_key=key, tls_client_ca=cls.authority.certificate,
            host_tokens_file=cls.hashes))

    def token_of(self, host):
        """A file with a new token of a host, known to the aggregator."""
        done = subprocess.run([os.path.join(lab.BIN, "dadvisor"), "token", host], check=True,
                              capture_output=True, text=True)
        token, line = done.stdout.splitlines()
        self.assertEqual(line.split()[0], host)
        reloads = self.aggregator.own_metric("dadvisor_host_tokens_reloads_total")
        write(self.hashes, lab.read(self.hashes) + line + "\n", 0o640)
        self.assertNotIn(token, lab.read(self.hashes))

        def taken():  # a token is shown, hence the file looked at
            lab.http_get(self.aggregator.url + "/", 5, self.authority.certificate, "x")
            return self.aggregator.own_metric("dadvisor_host_tokens_reloads_total") > reloads
        lab.wait_until(taken, 15, "the file is read again")
        return write(os.path.join(self.directory, host + ".token"), done.stdout)

    def agent(self, name, **flags):
        return self.start(lab.Agent(self.directory, self.aggregator, name=name, docker_socket="",
                                    tls_ca=self.authority.certificate, **flags))

    def points(self, host):
        return self.aggregator.render("dadvisor.*.hosts.%s.mem.total" % host)

    def test_a_token_is_for_one_host(self):
        token = self.token_of("web-1")
        self.agent("web-1", token_file=token)
        lab.wait_until(lambda: self.points("web-1"), 20, "its rows are there")
        thief = self.agent("web-2", token_file=token)
        lab.wait_until(lambda: "nothing gets to" in lab.read(thief.log), 20, "it is refused")
        self.assertIn("it answered 403: what was shown is web-1's, and this is of web-2",
                      lab.read(thief.log))
        self.assertGreater(self.aggregator.own_metric("dadvisor_ingest_denied_total"), 0)
        self.assertFalse(self.points("web-2"))
        # It reads nothing, but for what the doctor asks.
        secret = lab.read(token).splitlines()[0]
        for path, status in (("/render?target=a", 403), ("/metrics", 403), ("/api/v1/status", 403),
                             ("/api/v1/status?streams=0", 200)):
            self.assertEqual(lab.http_get(self.aggregator.url + path, 5,
                                          self.authority.certificate, secret)[0], status, path)

    def test_a_certificate_is_for_its_names(self):
        own = self.authority.sign("db-1", "DNS:db-1,DNS:db-1.example")
        self.agent("db-1", tls_certificate=own[0], tls_key=own[1])
        lab.wait_until(lambda: self.points("db-1"), 20, "its rows are there")
        thief = self.agent("db-2", tls_certificate=own[0], tls_key=own[1])
        lab.wait_until(lambda: "403: what was shown is db-1's, and this is of db-2"
                       in lab.read(thief.log), 20, "it is refused")
        self.assertFalse(self.points("db-2"))

    def test_who_shows_nothing_writes_nothing_and_the_old_token_goes_on(self):
        nobody = self.agent("nobody")
        lab.wait_until(lambda: "it answered 401" in lab.read(nobody.log), 20, "it is refused")
        self.agent("any", token_file=os.path.join(self.directory, "readers"))
        lab.wait_until(lambda: self.points("any"), 20, "its rows are there")
        self.assertFalse(self.points("nobody"))


if __name__ == "__main__":
    lab.main("host_tokens")
