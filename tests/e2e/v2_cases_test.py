#!/usr/bin/python3
"""docker_cases_test.py on the kernel of v2_test.py, which has cgroup v2 alone."""
import lab
import v2_test


class PureV2Cases(v2_test.InGuest):
    def test_the_cases_on_a_pure_v2_kernel(self):
        self.run_there("docker_cases_test.py", [
            "test_case_5_many_brief_processes",
            "test_case_7_shared_memory", "test_cases_8_9_and_14_a_written_file",
            "test_case_10_an_oom_kill_beside_the_first_process",
            "test_case_11_an_oom_kill_of_the_first_process",
            "test_case_17_processes_and_their_limit", "test_case_20_groups_inside_and_outside",
            "test_case_21_changes_while_it_runs"])


if __name__ == "__main__":
    lab.main("v2_cases")
