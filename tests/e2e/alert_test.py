#!/usr/bin/python3
"""An alert from a container's load to the mailbox of the app's owner and to a webhook.

The mail server wants STARTTLS and AUTH; the webhook gets Alertmanager's version-4 JSON. The state
is kept over a kill of the aggregator: nothing is said twice, and the resolution is not lost.
"""
import email
import email.policy
import json
import os
import subprocess
import time

import lab

OWNER = "cart-team@example.com"
RULE = """
rules:
  - id: %(app)s-cpu
    title: %(app)s needs more CPU
    expr: dadvisor.*.apps.e2e_%(app)s.sum.cpu.cores
    crit: {when: "> 0.3", for: 3s, clear: "< 0.15"}
    no_data: {after: 6s}
    notify: [owner, hook]
"""
INSTANCE_RULE = """
rules:
  - id: %(app)s-cpu
    title: an instance of %(app)s needs more CPU
    expr: aliasByNode(dadvisor.*.instances.e2e_%(app)s.*.cpu.cores, 4)
    crit: {when: "> 0.3", for: 3s, clear: "< 0.15"}
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
  hook: {webhook: "http://127.0.0.1:%d/alerts"}
"""


class Alert(lab.Case):
    def setUp(self):
        lab.ensure_docker()
        self.app = "alert-%s" % self._testMethodName.split("_")[1]
        self.directory = os.path.join(type(self).directory, self.app)
        os.makedirs(self.directory)
        with open(os.path.join(self.directory, "password"), "w") as file:
            file.write("s3cret\n")
        os.chmod(file.name, 0o600)
        self.mail = self.begin(lab.Receiver(self.directory, "smtp-receiver", "--tls", "--user",
                                            "dadvisor", "--password", "s3cret"))
        self.hook = self.begin(lab.Receiver(self.directory, "webhook-receiver"))
        config = os.path.join(self.directory, "aggregator.yml")
        with open(config, "w") as file:
            file.write(CONFIG % {"smtp": self.mail.port, "kept": self.mail.kept,
                                 "directory": self.directory})
        notify = os.path.join(self.directory, "notify.yml")
        with open(notify, "w") as file:
            file.write(RECEIVERS % self.hook.port)
        self.aggregator = lab.Aggregator(self.directory, config=config)
        with open(os.path.join(self.aggregator.rules, "cpu.yml"), "w") as file:
            file.write(RULE % {"app": self.app})
        self.begin(self.aggregator)
        self.agent = self.begin(lab.Agent(self.directory, self.aggregator))
        self.container = self.begin(lab.Container("/e2e/" + self.app, "sleep 900",
                                                  "-l", "dadvisor.owner=" + OWNER))
        lab.wait_until(lambda: self.container.figures(self.aggregator, "cpu.cores"), 20,
                       "the container's first rate")

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
        self.wait_for(1, 1, 20, "the alert fires")
        print("    told after %.1f s, of which the rule waits 3" % (time.monotonic() - begun))
        mail, post = self.mails()[0], self.posts()[0]
        self.assertEqual(mail["X-To"], OWNER)
        self.assertEqual(mail["X-From"], "dadvisor@example.com")
        self.assertIn(self.app + " needs more CPU", mail["Subject"])
        self.assertTrue(mail["Message-ID"])
        self.assertIn(self.app, mail.get_body().get_content())
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
        time.sleep(5)
        self.assertEqual((len(self.mails()), len(self.posts())), (2, 2))

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
        self.wait_for(1, 1, 20, "the alert fires")
        self.agent.stop()
        time.sleep(20)
        self.assertNotIn("resolved", [post["status"] for post in self.posts()])


    def test_ending_on_purpose_is_no_missing_data(self):
        with open(os.path.join(self.aggregator.rules, "cpu.yml"), "w") as file:
            file.write(INSTANCE_RULE % {"app": self.app})  # taken without a restart
        lab.wait_until(lambda: "1 rules loaded again" in lab.read(self.aggregator.log), 10,
                       "the changed rules are loaded")
        self.load(90)
        self.wait_for(1, 1, 20, "the alert fires")
        idle = self.begin(lab.Container("/e2e/" + self.app, "sleep 900",
                                        "-l", "dadvisor.owner=" + OWNER))
        lab.wait_until(lambda: idle.figures(self.aggregator, "cpu.cores"), 20, "a second instance")
        lab.docker("rm", "-f", self.container.name, idle.name)
        self.wait_for(2, 2, 20, "the incident of what ended is closed")
        time.sleep(15)  # NODATA would come 6 s after the last figure
        self.assertEqual([post["alerts"][0]["annotations"]["state"] for post in self.posts()],
                         ["FIRING", "RESOLVED"], "the idle one ends without a word")
        self.assertEqual(self.posts()[1]["alerts"][0]["annotations"]["reason"], "gone")
        self.assertIn("it has ended", self.mails()[1].get_body().get_content())


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
