#!/usr/bin/python3
"""The notify file changes while the aggregator runs: what waits goes by the new settings."""
import os

import lab


class Reloads(lab.Case):
    def test_receivers_change_without_a_restart(self):
        first = self.start(lab.Receiver(os.path.join(self.directory, "1"), "webhook-receiver"))
        second = self.start(lab.Receiver(os.path.join(self.directory, "2"), "webhook-receiver"))
        notify = os.path.join(self.directory, "notify.yml")

        def write(text):
            with open(notify + ".new", "w") as file:
                file.write(text)
            os.rename(notify + ".new", notify)
        hook = 'receivers: {hook: {webhook: "http://127.0.0.1:%d/"}}\n'
        gone = lab.free_port()
        write(hook % gone)
        config = os.path.join(self.directory, "aggregator.yml")
        with open(config, "w") as file:
            file.write("evaluate_every: 1s\nnotify_file: %s\n" % notify)
        aggregator = lab.Aggregator(self.directory, config=config)
        with open(os.path.join(aggregator.rules, "load.yml"), "w") as file:
            file.write("rules:\n- {id: there, expr: dadvisor.*.hosts.*.load.1m, notify: [hook],\n"
                       "   crit: {when: '>= 0'}}\n")
        self.start(aggregator)
        self.start(lab.Agent(self.directory, aggregator, docker_socket=""))
        loaded = aggregator.own_metric("dadvisor_notify_file_loaded_seconds")
        lab.wait_until(lambda: aggregator.own_metric("dadvisor_notify_failed_total"), 30,
                       "nobody listens there")
        write("receivers: {hook: {webhook: nowhere}}\n")
        lab.wait_until(lambda: aggregator.own_metric("dadvisor_notify_file_reloads_refused_total"),
                       15, "a wrong file is refused")
        self.assertIn("receivers stay as they were: %s:1: receivers.hook.webhook: not an http://"
                      % notify, lab.read(aggregator.log))
        self.assertEqual(aggregator.own_metric("dadvisor_notify_file_loaded_seconds"), loaded)
        self.assertEqual(aggregator.own_metric("dadvisor_notify_waiting"), 1)
        write(hook % first.port)
        lab.wait_until(lambda: first.files(".json"), 30, "what waited goes to the new address")
        self.assertEqual(aggregator.own_metric("dadvisor_notify_file_reloads_total"), 1)
        self.assertGreater(aggregator.own_metric("dadvisor_notify_file_loaded_seconds"), loaded)
        write(hook.replace("{hook:", "{other:") % second.port)
        lab.wait_until(lambda: aggregator.own_metric("dadvisor_alert_rules_reloads_refused_total"),
                       15, "the rule that names it is told of")
        self.assertIn("rules stay as they were", lab.read(aggregator.log))


if __name__ == "__main__":
    lab.main("reload")
