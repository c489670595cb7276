#!/usr/bin/python3
"""An alert from a container's load to the mailbox of the app's owner and to a webhook.

The mail server wants STARTTLS and AUTH; the webhook gets Alertmanager's version-4 JSON. The state
is kept over a kill of the aggregator: nothing is said twice, and the resolution is not lost.
"""
import base64
import email
import email.policy
import json
import os
import re
import struct
import subprocess
import time
import urllib.parse

import lab

OWNER = "cart-team@example.com"
RULE = """
rules:
  - id: %(app)s-cpu
    title: %(app)s needs more CPU
    expr: dadvisor.*.apps.e2e_%(app)s.sum.cpu.cores
    crit: {when: "> 0.3", for: 3s, clear: "< 0.15"}
    no_data: {after: 6s}
    notify: [owner, hook, chats]
    runbook: https://wiki.example.com/cpu
"""
# Whatever its last moment's value is: only its end closes the incident.
INSTANCE_RULE = """
rules:
  - id: %(app)s-cpu
    title: an instance of %(app)s needs more CPU
    expr: aliasByNode(dadvisor.*.instances.e2e_%(app)s.*.cpu.cores, 4)
    crit: {when: "> 0.3", for: 3s, clear: "< 0"}
    no_data: {after: 6s}
    notify: [owner, hook]
"""
CONFIG = """
evaluate_every: 1s
notify_file: %(directory)s/notify.yml
mail:
  server: smtp://localhost:%(smtp)d
  tls: required
  ca_file: %(kept)s/cert.pem
  user: dadvisor
  password_file: %(directory)s/password
  from: dadvisor@example.com
"""
RECEIVERS = """
receivers:
  hook: {webhook: "http://127.0.0.1:%(hook)d/alerts"}
  chats:
    wecom: {url: "http://127.0.0.1:%(robots)d/cgi-bin/webhook/send", key_file: %(key)s}
    dingtalk: {url: "http://127.0.0.1:%(robots)d/robot/send", token_file: %(key)s,
               secret_file: %(secret)s, mention: ["13800000000"]}
    feishu: {url: "http://127.0.0.1:%(robots)d/open-apis/bot/v2/hook", token_file: %(key)s,
             secret_file: %(secret)s, mention: [all]}
    slack: "http://127.0.0.1:%(robots)d/services/T0/B0/tok-1"
"""
VENDORS = ["dingtalk", "feishu", "slack", "wecom"]


class Alert(lab.Case):
    def setUp(self):
        lab.ensure_docker()
        self.app = "alert-%s" % self._testMethodName.split("_")[1]
        self.directory = os.path.join(type(self).directory, self.app)
        os.makedirs(self.directory)
        self.secret("password", "s3cret")
        secrets = {"key": self.secret("key", "tok-1"), "secret": self.secret("sign", "SECe2e")}
        self.mail = self.begin(lab.Receiver(self.directory, "smtp-receiver", "--tls", "--user",
                                            "dadvisor", "--password", "s3cret"))
        self.hook = self.begin(lab.Receiver(self.directory, "webhook-receiver"))
        self.robots = self.begin(lab.Receiver(self.directory, "robot-receiver", "--secret",
                                              "SECe2e"))
        config = os.path.join(self.directory, "aggregator.yml")
        with open(config, "w") as file:
            file.write(CONFIG % {"smtp": self.mail.port, "kept": self.mail.kept,
                                 "directory": self.directory})
        notify = os.path.join(self.directory, "notify.yml")
        with open(notify, "w") as file:
            file.write(RECEIVERS % {"hook": self.hook.port, "robots": self.robots.port, **secrets})
        self.aggregator = lab.Aggregator(self.directory, config=config)
        with open(os.path.join(self.aggregator.rules, "cpu.yml"), "w") as file:
            file.write(RULE % {"app": self.app})
        self.begin(self.aggregator)
        self.agent = self.begin(lab.Agent(self.directory, self.aggregator))
        self.container = self.begin(lab.Container("/e2e/" + self.app, "sleep 900",
                                                  "-l", "dadvisor.owner=" + OWNER))
        lab.wait_until(lambda: self.container.figures(self.aggregator, "cpu.cores"), 20,
                       "the container's first rate")

    def secret(self, name, word):
        path = os.path.join(self.directory, name)
        with open(path, "w") as file:
            file.write(word + "\n")
        os.chmod(path, 0o600)
        return path

    def begin(self, thing):
        self.addCleanup(thing.stop)
        thing.start()
        return thing

    def load(self, seconds):
        lab.docker("exec", "-d", self.container.name, "load", "cpu", "700", str(seconds))

    def mails(self):
        found = []
        for path in self.mail.files(".eml"):
            with open(path, "rb") as file:
                found.append(email.message_from_binary_file(file, policy=email.policy.default))
        return found

    def posts(self):
        return [json.loads(lab.read(path)) for path in self.hook.files(".json")]

    def chats(self):
        """vendor -> the bodies that its robot took, in their order."""
        found = {vendor: [] for vendor in VENDORS}
        for path in self.robots.files(".json"):
            found[path.split(".")[-2]].append(json.loads(lab.read(path)))
        return found

    def check_mail(self, mail, state):
        """The parts of a mail as a mail program finds them."""
        self.assertEqual(mail.get_content_type(), "multipart/alternative")
        text, related = mail.iter_parts()
        self.assertEqual(text.get_content_type(), "text/plain")
        self.assertEqual(related.get_content_type(), "multipart/related")
        page, picture = related.iter_parts()
        self.assertEqual((page.get_content_type(), picture.get_content_type()),
                         ("text/html", "image/png"))
        self.assertEqual(picture.get_content_disposition(), "inline")
        html, png = page.get_content(), picture.get_content()
        self.assertIn('src="cid:%s"' % picture["Content-ID"].strip("<>"), html)
        self.assertEqual(png[:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual(struct.unpack(">II", png[16:24]), (1104, 480), "twice 552x240")
        # The only addresses are the graph, with absolute times, and the runbook.
        links = re.findall(r'(?:href|src)="([^"]+)"', html)
        self.assertEqual(len([one for one in links if not one.startswith("cid:")]), 2, links)
        graph = urllib.parse.parse_qs(urllib.parse.urlsplit(links[1].replace("&amp;", "&")).query)
        self.assertEqual(graph["target"], ["dadvisor.*.apps.e2e_%s.sum.cpu.cores" % self.app])
        self.assertEqual(int(graph["from"][0]) + 3600, int(graph["until"][0]) - 600 - self.lasted(text),
                         "from an hour before it began to ten minutes after the notice")
        for part in (text.get_content(), html):
            self.assertIn(self.app + " needs more CPU", part)
            self.assertIn("https://wiki.example.com/cpu", part)
            self.assertIn("You get this because", part)
            self.assertIn(state, part)
        self.assertTrue(mail["Subject"].startswith("[%s] " % state), mail["Subject"])
        self.assertEqual(mail["X-DAdvisor-State"], state)
        self.assertEqual(mail["X-DAdvisor-App"], "/e2e/" + self.app)
        self.assertEqual(mail["X-DAdvisor-Severity"], "crit")
        self.assertEqual(mail["Auto-Submitted"], "auto-generated")
        self.assertIn("example.com", mail["List-Id"])

    def lasted(self, text):
        """Seconds from the condition's begin to the notice, as the text part says."""
        stamps = re.findall(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", text.get_content())
        took = re.search(r"UTC \((?:(\d+)m)?(?:(\d+)s)?\)", text.get_content())
        self.assertTrue(stamps and took)
        return int(took[1] or 0) * 60 + int(took[2] or 0)

    def wait_for(self, mails, posts, seconds, what):
        try:
            lab.wait_until(lambda: len(self.mails()) >= mails and len(self.posts()) >= posts,
                           seconds, what)
        except AssertionError as error:
            self.fail("%s: %d mails, %d posts\n%s" % (error, len(self.mails()), len(self.posts()),
                                                      self.aggregator.log_tail()))

    def test_firing_and_resolved_reach_owner_and_hook_over_a_kill(self):
        time.sleep(5)
        self.assertEqual((self.mails(), self.posts()), ([], []), "an idle app is no alert")
        begun = time.monotonic()
        self.load(40)
        self.wait_for(1, 1, 60, "the alert fires")
        print("    told after %.1f s, of which the rule waits 3" % (time.monotonic() - begun))
        mail, post = self.mails()[0], self.posts()[0]
        self.assertEqual(mail["X-To"], OWNER)
        self.assertEqual(mail["X-From"], "dadvisor@example.com")
        self.assertIn(self.app + " needs more CPU", mail["Subject"])
        self.assertTrue(mail["Message-ID"])
        self.assertIn(self.app, mail.get_body(("plain",)).get_content())
        self.check_mail(mail, "CRIT")
        lab.wait_until(lambda: all(self.chats().values()), 10, "all four robots were told")
        for vendor, said in self.chats().items():
            self.assertIn(self.app + " needs more CPU", json.dumps(said[0]), vendor)
        self.assertEqual(self.chats()["dingtalk"][0]["at"]["atMobiles"], ["13800000000"])
        self.assertIn("<at id=all></at>", json.dumps(self.chats()["feishu"][0]))
        self.assertEqual((post["version"], post["status"]), ("4", "firing"))
        alert = post["alerts"][0]
        self.assertEqual(alert["status"], "firing")
        self.assertTrue(alert["labels"]["alertname"] and alert["startsAt"] and alert["fingerprint"])

        self.aggregator.kill()
        self.aggregator.start()
        time.sleep(8)
        self.assertEqual((len(self.mails()), len(self.posts())), (1, 1), "nothing is said twice")

        self.wait_for(2, 2, 60, "the alert is resolved")
        self.assertEqual(self.posts()[1]["status"], "resolved")
        self.assertEqual(self.posts()[1]["alerts"][0]["fingerprint"], alert["fingerprint"])
        time.sleep(8)
        self.assertEqual((len(self.mails()), len(self.posts())), (2, 2))
        resolved = self.mails()[1]
        self.check_mail(resolved, "RESOLVED")
        self.assertEqual(resolved["References"], mail["References"], "one thread")
        self.assertNotEqual(resolved["Message-ID"], mail["Message-ID"])
        self.assertEqual(resolved["Subject"].split(" ", 1)[1], mail["Subject"].split(" ", 1)[1])
        for vendor, said in self.chats().items():
            self.assertEqual(len([one for one in said if one.get("msgtype") != "image"]), 2, vendor)
        # WeCom's pictures follow its texts; they are drawn when they are sent.
        lab.wait_until(lambda: [one["msgtype"] for one in self.chats()["wecom"]] ==
                       ["markdown", "image"] * 2, 30, "a picture after each text")
        for said in self.chats()["wecom"][1::2]:
            png = base64.b64decode(said["image"]["base64"])
            self.assertEqual(struct.unpack(">II", png[16:24]), (1104, 480), "twice 552x240")
        self.assertEqual(self.chats()["dingtalk"][1]["at"]["atMobiles"], [], "crit alone calls")
        self.assertFalse(os.path.exists(os.path.join(self.robots.kept, "wrong")),
                         "each post had the vendor's shape, size and signature")

    def test_robots_answers_in_a_200_are_understood(self):
        with open(os.path.join(self.robots.kept, "fault"), "w") as file:
            file.write("feishu 19021:1")
        self.load(60)
        lab.wait_until(lambda: self.chats()["feishu"], 60, "a refused signature is tried again")
        self.assertEqual(lab.read(os.path.join(self.robots.kept, "faults")), "feishu 19021\n")
        lab.wait_until(lambda: len(self.chats()["wecom"]) == 2, 20, "WeCom's text and picture")
        listed = json.loads(self.command("alerts", "-o", "json").stdout)["alerts"]
        self.assertEqual([(one["state"], one["level"], one["app"], one["owner"]) for one in listed],
                         [("FIRING", "crit", "/e2e/" + self.app, OWNER)])
        phases = {one["receiver"]: one["phase"] for one in listed[0]["deliveries"]}
        self.assertEqual(phases, {"email:" + OWNER: "sent", "webhook:hook": "sent",
                                  "wecom-picture:chats": "sent",
                                  **{vendor + ":chats": "sent" for vendor in VENDORS}})
        table = self.command("alerts").stdout.splitlines()
        self.assertEqual(table[0].split()[:3], ["STATE", "FOR", "VALUE"])
        self.assertEqual((len(table), table[1].split()[0]), (2, "CRIT"))

    def command(self, *arguments):
        done = subprocess.run([os.path.join(lab.BIN, "dadvisor"), *arguments, "--aggregator",
                               self.aggregator.url], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def test_refused_mail_is_tried_again_and_comes_once(self):
        with open(os.path.join(self.mail.kept, "fault"), "w") as file:
            file.write("451:2")
        self.load(60)
        self.wait_for(1, 1, 90, "the mail comes after two refusals")
        self.assertEqual(lab.read(os.path.join(self.mail.kept, "refused")).count("451"), 2)
        time.sleep(5)
        self.assertEqual(len(self.mails()), 1)

    def test_silence_of_the_agent_does_not_resolve(self):
        self.load(90)
        self.wait_for(1, 1, 60, "the alert fires")
        self.agent.stop()
        time.sleep(20)
        self.assertNotIn("resolved", [post["status"] for post in self.posts()])


    def test_ending_on_purpose_is_no_missing_data(self):
        with open(os.path.join(self.aggregator.rules, "cpu.yml"), "w") as file:
            file.write(INSTANCE_RULE % {"app": self.app})  # taken without a restart
        lab.wait_until(lambda: "1 rules loaded again" in lab.read(self.aggregator.log), 10,
                       "the changed rules are loaded")
        self.load(90)
        self.wait_for(1, 1, 60, "the alert fires")
        idle = self.begin(lab.Container("/e2e/" + self.app, "sleep 900",
                                        "-l", "dadvisor.owner=" + OWNER))
        lab.wait_until(lambda: idle.figures(self.aggregator, "cpu.cores"), 20, "a second instance")
        lab.docker("rm", "-f", self.container.name, idle.name)
        self.wait_for(2, 2, 60, "the incident of what ended is closed")
        time.sleep(15)  # NODATA would come 6 s after the last figure
        self.assertEqual([post["alerts"][0]["annotations"]["state"] for post in self.posts()],
                         ["FIRING", "RESOLVED"], "the idle one ends without a word")
        self.assertEqual(self.posts()[1]["alerts"][0]["annotations"]["reason"], "gone")
        self.assertIn("it has ended", self.mails()[1].get_body(("plain",)).get_content())


class StockRules(lab.Case):
    def test_they_work_unedited_on_a_real_host(self):
        lab.ensure_docker()
        rules = os.path.join(lab.ROOT, "packaging", "rules")
        config = os.path.join(self.directory, "aggregator.yml")
        with open(config, "w") as file:
            file.write("evaluate_every: 1s\n")
        aggregator = self.start(lab.Aggregator(self.directory, config=config, rules_dir=rules))
        self.start(lab.Agent(self.directory, aggregator))
        self.start(lab.Container("/e2e/stock", "sleep 900", "--memory", "64m", "--cpus", "0.5"))
        targets = []
        for name in sorted(os.listdir(rules)):
            targets += re.findall(r"^ +expr: (.*)$", lab.read(os.path.join(rules, name)), re.M)
        self.assertEqual(len(targets), 15)
        # Slow figures come once a minute; a rate needs two readings.
        lab.wait_until(lambda: all(aggregator.render(one) for one in targets), 90,
                       "every rule's target has figures here")
        self.assertEqual(aggregator.own_metric("dadvisor_alert_rules"), 15)
        lab.wait_until(lambda: aggregator.own_metric("dadvisor_alert_evaluations_total") >= 15 * 5, 20,
                       "five ticks of all rules")
        self.assertEqual(aggregator.own_metric("dadvisor_alert_evaluation_errors_total"), 0)


class Command(lab.Case):
    def run_it(self, *arguments):
        return subprocess.run([os.path.join(lab.BIN, "dadvisor"), *arguments], capture_output=True,
                              text=True, timeout=30)

    def test_exit_codes(self):
        rules = os.path.join(lab.ROOT, "packaging", "rules")
        self.assertEqual(self.run_it("check-config", rules).returncode, 0)
        bad = os.path.join(self.directory, "bad.yml")
        with open(bad, "w") as file:
            file.write("rules:\n- id: one\n  expr: sumSeries(\n  crit: {when: '> 1'}\n")
        done = self.run_it("check-config", bad)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"bad\.yml:3: rules\[0\]\.expr: ")
        self.assertEqual(self.run_it("check-config", "/nonexistent").returncode, 2)
        self.assertEqual(self.run_it("frobnicate").returncode, 2)
        self.assertEqual(self.run_it().returncode, 2)
        self.assertEqual(self.run_it("alerts", "-o", "xml").returncode, 2)
        nobody = "http://127.0.0.1:%d" % lab.free_port()
        self.assertEqual(self.run_it("alerts", "--aggregator", nobody).returncode, 3)
        for word in ("--help", "--version"):
            done = self.run_it(word)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("dadvisor", done.stdout)

    def test_a_wrong_token_is_exit_code_4(self):
        for name, word in (("right", "r" * 32), ("wrong", "w" * 32)):
            with open(os.path.join(self.directory, name), "w") as file:
                file.write(word + "\n")
            os.chmod(file.name, 0o600)
        aggregator = self.start(lab.Aggregator(
            self.directory, token_file=os.path.join(self.directory, "right")))
        for name, status in (("right", 0), ("wrong", 4)):
            done = self.run_it("alerts", "--aggregator", aggregator.url, "--token-file",
                               os.path.join(self.directory, name))
            self.assertEqual(done.returncode, status, done.stderr)


class WrongRules(lab.Case):
    def test_a_wrong_rule_is_refused_with_file_line_and_key(self):
        aggregator = lab.Aggregator(self.directory)
        with open(os.path.join(aggregator.rules, "bad.yml"), "w") as file:
            file.write("rules:\n  - id: one\n    title: t\n    expr: sumSeries(\n"
                       "    crit: {when: '> 1'}\n")
        done = subprocess.run(aggregator.command, capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertRegex(done.stderr, r"bad\.yml:4.*expr")


if __name__ == "__main__":
    lab.main("alert")
