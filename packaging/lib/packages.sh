# shellcheck shell=bash
# The Debian 12 packages that dAdvisor is built, shown and tested with, and their installation.
# Sourced by packaging/quickstart, tests/run and the scripts of tests/lab; nothing stands twice.

# shellcheck disable=SC2034  # the lists are for those who source this file
build_packages=(
  g++ cmake ninja-build ccache pkg-config libboost1.81-dev libfmt-dev libcurl4-openssl-dev
  libcgroup-dev prometheus-cpp-dev catch2 libyaml-cpp-dev libcli11-dev libsqlite3-dev libzstd-dev
  libsnappy-dev libre2-dev libssl-dev zlib1g-dev libdeflate-dev libisal-dev libxxhash-dev
  libcairo2-dev libpng-dev libfontconfig-dev libjemalloc-dev libnghttp2-dev libprotozero-dev
  libseccomp-dev nlohmann-json3-dev fonts-dejavu-core)
# shellcheck disable=SC2034
docker_packages=(docker.io iptables iproute2 busybox-static curl)
# shellcheck disable=SC2034
test_packages=(
  "${docker_packages[@]}" python3 python3-aiosmtpd carbon-c-relay graphite-carbon graphite-web
  python3-whisper gunicorn user-mode-linux e2fsprogs openssl prometheus victoria-metrics)
# shellcheck disable=SC2034
bench_packages=(
  influxdb netdata-core netdata-plugins-bash collectd-core libprotobuf-dev
  protobuf-compiler)
# shellcheck disable=SC2034
lint_packages=(shellcheck rpm rpmlint systemd man-db groff-base)
# shellcheck disable=SC2034
fuzz_packages=(clang-16 libclang-rt-16-dev)
# shellcheck disable=SC2034
package_packages=(rpm dpkg-dev binutils gzip xz-utils python3)
# shellcheck disable=SC2034
package_test_packages=(
  "${docker_packages[@]}" "${lint_packages[@]}" mmdebstrap file fish zsh)
# shellcheck disable=SC2034
guest_packages=(mmdebstrap qemu-system-x86 e2fsprogs cpio busybox-static g++)

fail() { # fail MESSAGE...: says in one line what is wrong and how to mend it
  echo "${0##*/}: $*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "${0##*/}: '$*' needs root, and there is no sudo; run this as root" >&2
    return 1
  fi
}

missing_packages() { # missing_packages PACKAGE...: prints those that are not installed
  dpkg-query -W -f '${Package} ${Status}\n' "$@" 2>/dev/null |
    awk -v wanted="$*" '
      / install ok installed$/ { have[$1] = 1 }
      END { n = split(wanted, w, " "); for (i = 1; i <= n; i++) if (!have[w[i]]) print w[i] }'
}

# install_packages PACKAGE...: installs what is missing and starts no service by it. Returns 1
# after a message where that is not possible.
install_packages() {
  local missing policy=/usr/sbin/policy-rc.d guarded='' failed=''
  read -r -d '' -a missing <<<"$(missing_packages "$@")"
  [ ${#missing[@]} -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null; then
    echo "${0##*/}: no apt-get here; install by hand: ${missing[*]}" >&2
    return 1
  fi
  echo "Installing Debian packages: ${missing[*]}"
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null || return 1
    as_root chmod 755 "$policy"
    guarded=yes
  fi
  apt_quietly install "${missing[@]}" ||
    { apt_quietly update && apt_quietly install "${missing[@]}"; } || failed=yes
  [ -z "$guarded" ] || as_root rm -f "$policy"
  if [ -n "$failed" ]; then
    tail -n 5 "$apt_log" >&2
    echo "${0##*/}: the packages could not be installed (all output: $apt_log); is" \
      "/etc/apt/sources.list that of Debian 12, and the mirror reachable?" >&2
    return 1
  fi
}

apt_log=${TMPDIR:-/tmp}/dadvisor-apt.$(id -u).log
apt_quietly() { # apt_quietly install PACKAGE... | update
  local verb=$1
  shift
  [ "$verb" = update ] || set -- -y --no-install-recommends "$@"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 "$verb" "$@" \
    >"$apt_log" 2>&1 </dev/null
}
