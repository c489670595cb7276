# shellcheck shell=bash
# The trees that the packages are made of. Needs packages.sh, build.sh and $root.

# stage_trees: builds the kind "package" and lays out build/package/stage/{agent,aggregator}.
# Sets stage and glibc, the version of glibc that the aggregator wants at the least.
stage_trees() {
  # shellcheck disable=SC2154  # the caller's
  local out=$root/build/package component
  stage=$out/stage
  # shellcheck disable=SC2154  # of packages.sh
  install_packages "${build_packages[@]}" "${package_packages[@]}" || exit 1
  build_kind package all
  rm -rf "$stage"
  for component in agent aggregator; do
    DESTDIR=$stage/$component cmake --install "$out" --component "$component" \
      >"$out/stage-$component.log" 2>&1 ||
      { tail -n 5 "$out/stage-$component.log" >&2; fail "the tree of dadvisor-$component could not be laid out"; }
  done
  # shellcheck disable=SC2034  # for the caller
  glibc=$(cat "$out/packaging/glibc-version")
  check_static "$stage/agent/usr/bin/dadvisor-agent"
  check_static "$stage/agent/usr/bin/dadvisor-resolver"
}

# check_static PROGRAM: fails unless it needs nothing of the host but the kernel.
check_static() {
  local dynamic
  dynamic=$(readelf -d "$1") || fail "$1 is no program"
  ! grep NEEDED <<<"$dynamic" >&2 || fail "$1 needs the libraries above; it must be fully static"
  ! readelf -lW "$1" | grep -q INTERP || fail "$1 wants a loader; it must be fully static"
}
