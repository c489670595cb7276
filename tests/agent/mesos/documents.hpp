#pragma once
// What a Mesos agent answers, in the shape that its writers give it (ExecutorWriter and
// FrameworkWriter of src/slave/http.cpp, Task of src/common/http.cpp;
// endpoints/slave/containers.md).

#include <string>

namespace dadvisor::test {

inline std::string const cart = "76d75960-dd4d-49c1-b320-b8f466353927";
inline std::string const pod = "145f052d-8bcb-457f-b1e6-b1b4e2cdf787";
inline std::string const web = "0a1b2c3d-0000-4b2e-9c0a-1f2e3d4c5b6a";
inline std::string const spark = "5d1f0c9e-8a51-4b2e-9c0a-1f2e3d4c5b6a";
inline std::string const over = "75443553-9070-11e6-aae4-3a4b79075094";

// Marathon with a task, a pod and a task that has ended; Spark with an executor of many tasks.
inline std::string const mesos_state = R"({
 "version": "1.11.0", "id": "S0", "pid": "slave(1)@10.0.0.1:5051", "hostname": "node-7",
 "resources": {"cpus": 4.0, "mem": 14863.0, "disk": 9000.0, "gpus": 0.0, "ports": "[31000-32000]"},
 "attributes": {}, "flags": {"cgroups_root": "mesos", "containerizers": "docker,mesos"},
 "frameworks": [
  {"id": "F1", "name": "marathon", "user": "root", "failover_timeout": 604800.0,
   "checkpoint": true, "hostname": "m", "role": "*", "executors": [
    {"id": "shop_cart.36cc2b9f-7a05-11ea-9c0a-1f2e3d4c5b6a", "name": "",
     "source": "shop_cart.36cc2b9f-7a05-11ea-9c0a-1f2e3d4c5b6a",
     "container": ")" + cart + R"(", "directory": "/var/lib/mesos/slaves/S0/frameworks/F1/x",
     "resources": {"cpus": 0.1, "mem": 32.0}, "tasks": [
      {"id": "shop_cart.36cc2b9f-7a05-11ea-9c0a-1f2e3d4c5b6a", "name": "cart.shop",
       "framework_id": "F1", "executor_id": "", "slave_id": "S0", "state": "TASK_RUNNING",
       "resources": {"cpus": 0.5, "mem": 64.0, "disk": 0.0}, "role": "*",
       "statuses": [{"state": "TASK_RUNNING", "timestamp": 1477034399.5, "container_status":
         {"container_id": {"value": ")" +
                                       cart + R"("},
          "network_infos": [{"ip_addresses": [{"ip_address": "10.0.3.193"}]}]}}],
       "labels": [{"key": "OWNER", "value": "ann,bob"}, {"key": "API_TOKEN", "value": "hunter2"}],
       "container": {"type": "MESOS", "mesos": {"image": {"type": "DOCKER",
         "docker": {"name": "shop/cart:1.2"}}}}}],
     "queued_tasks": [], "completed_tasks": []},
    {"id": "instance-shop_pod.77", "name": "", "source": "", "container": ")" +
                                       pod + R"(",
     "directory": "/x", "resources": {}, "type": "DEFAULT", "tasks": [
      {"id": "shop_pod.instance-36cc2b9f-7a05-11ea-9c0a-1f2e3d4c5b6a.web", "name": "web",
       "state": "TASK_RUNNING", "statuses": [{"state": "TASK_RUNNING", "timestamp": 1.0,
         "container_status": {"container_id": {"value": ")" +
                                       web + R"(",
           "parent": {"value": ")" + pod +
                                       R"("}}}}]},
      {"id": "shop_pod.instance-36cc2b9f-7a05-11ea-9c0a-1f2e3d4c5b6a.log", "name": "log",
       "state": "TASK_STAGING", "statuses": []}],
     "queued_tasks": [], "completed_tasks": []}],
   "completed_executors": [
    {"id": "zdd_base.1", "name": "", "source": "", "container": ")" +
                                       over + R"(",
     "tasks": [], "queued_tasks": [], "completed_tasks": [
      {"id": "zdd_base.1", "name": "base.zdd", "state": "TASK_FAILED", "statuses": [],
       "container": {"type": "DOCKER", "docker": {"image": "zdd:2"}}}]}]}],
 "completed_frameworks": [
  {"id": "F2", "name": "my-job", "executors": [
    {"id": "3", "name": "Executor 3", "source": "3", "container": ")" +
                                       spark + R"(",
     "labels": [{"key": "dadvisor.owner", "value": "data"}],
     "tasks": [{"id": "0", "name": "Task 0"}, {"id": "1", "name": "Task 1"}]}],
   "completed_executors": []}]})";

inline std::string const mesos_containers = R"([
 {"container_id": ")" + cart + R"(", "container_status": {"container_id": {"value": ")" +
                                            cart +
                                            R"("}, "executor_pid": 19583},
  "executor_id": "other", "executor_name": "told already", "framework_id": "F1", "source": "",
  "statistics": {"cpus_limit": 8.25, "mem_limit_bytes": 7650410496, "timestamp": 1388534400.0}},
 {"container_id": "outer", "container_status": {"container_id": {"value": "debug-1",
   "parent": {"value": "outer"}}}, "executor_id": "probe", "executor_name": "",
  "framework_id": "F3", "source": "", "statistics": null}])";

}  // namespace dadvisor::test
