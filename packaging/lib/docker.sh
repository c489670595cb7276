# shellcheck shell=bash
# A Docker daemon for the demo and the tests. One that answers is used as it is; where none does,
# dockerd is started, and a mark is left so that only that one is ever stopped. Needs packages.sh.
# DOCKER_ARGUMENTS holds further arguments for a dockerd that is started here.

docker_socket=/var/run/docker.sock
docker_pid_file=/var/run/docker.pid

docker_answers() {
  [ -S "$docker_socket" ] || return 1
  as_docker_user curl -fsS --max-time 5 --unix-socket "$docker_socket" http://docker/_ping 2>/dev/null |
    grep -q OK
}

as_docker_user() { # with root's rights only where the socket is not ours to open
  if [ -w "$docker_socket" ] || [ ! -e "$docker_socket" ]; then "$@"; else as_root "$@"; fi
}

# ensure_docker MARK LOG: a daemon that answers; returns 1 after a message where there can be none.
# MARK is written when the daemon was started here.
ensure_docker() {
  local mark=$1 log=$2 pid
  # shellcheck disable=SC2154  # of packages.sh
  install_packages "${docker_packages[@]}" || return 1
  docker_answers && return 0
  if [ -d /run/systemd/system ]; then
    as_root systemctl start docker.service || return 1
    docker_answers || { echo "docker.service was started but does not answer" >&2; return 1; }
    echo systemd >"$mark"
    return 0
  fi
  if ! grep -q ' /sys/fs/cgroup' /proc/mounts; then
    install_packages cgroupfs-mount && as_root cgroupfs-mount || return 1
  fi
  # setsid: the daemon outlives this shell.
  # shellcheck disable=SC2086  # the arguments are words
  as_root setsid dockerd --host "unix://$docker_socket" --pidfile "$docker_pid_file" \
    ${DOCKER_ARGUMENTS-} >"$log" 2>&1 </dev/null &
  pid=$!
  for _ in $(seq 600); do
    docker_answers && break
    [ -d /proc/$pid ] || break
    sleep 0.1
  done
  if ! docker_answers; then
    tail -n 5 "$log" >&2
    echo "dockerd was started and does not answer (all output: $log)" >&2
    as_root kill $pid 2>/dev/null
    return 1
  fi
  cat "$docker_pid_file" >"$mark"
}

stop_docker() { # stop_docker MARK: ends the daemon that ensure_docker started, and no other
  local mark=$1 pid
  [ -s "$mark" ] || return 0
  pid=$(cat "$mark")
  rm -f "$mark"
  if [ "$pid" = systemd ]; then
    as_root systemctl stop docker.service docker.socket
    return
  fi
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] || return 0
  as_root kill "$pid"
  for _ in $(seq 300); do [ -d "/proc/$pid" ] || return 0; sleep 0.1; done
  echo "dockerd (process $pid) still runs 30 s after it was asked to end" >&2
  return 1
}

busybox_tree() { # busybox_tree DIR: the file tree of an image that has busybox and nothing else
  local tree=$1 busybox applet
  busybox=$(dpkg -L busybox-static | grep -E '/bin/busybox$' | head -n 1)
  mkdir -p "$tree"/{bin,etc,tmp,proc,sys,dev}
  cp "$busybox" "$tree/bin/busybox"
  for applet in $("$busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$tree/bin/$applet"
  done
  echo 'root:x:0:0:root:/:/bin/sh' >"$tree/etc/passwd"
  chmod 755 "$tree"
  chmod 1777 "$tree/tmp"
}

# import_image NAME SUM COMMAND...: makes the image NAME by the file tree that COMMAND TREE fills,
# offline, unless there is one of the same SUM.
import_image() {
  local name=$1 sum=$2 tree
  shift 2
  [ "$(docker_cli image inspect -f '{{index .Config.Labels "dadvisor.sum"}}' "$name" 2>/dev/null)" \
    != "$sum" ] || return 0
  tree=$(mktemp -d)
  "$@" "$tree" &&
    tar -C "$tree" --owner=0 --group=0 --numeric-owner -c . |
    docker_cli import -c 'CMD ["/bin/sh"]' -c 'ENV PATH=/bin' -c "LABEL dadvisor.sum=$sum" - "$name" \
      >/dev/null
  local status=$?
  rm -rf "$tree"
  return $status
}

docker_cli() { as_docker_user docker --host "unix://$docker_socket" "$@"; }
