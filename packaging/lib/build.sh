# shellcheck shell=bash
# Builds one kind of dAdvisor in build/KIND. Needs packages.sh and $root, the checkout.

configure_kind() { # configure_kind KIND
  # shellcheck disable=SC2154  # the caller's
  local kind=$1 dir=$root/build/$1
  if [ ! -e "$dir/build.ninja" ]; then
    mkdir -p "$dir"
    # Unity: whoever builds all of it at once builds it in a third of the time.
    cmake -S "$root" -B "$dir" -G Ninja -DDADVISOR_KIND="$kind" -DCMAKE_UNITY_BUILD=ON \
      -DCMAKE_UNITY_BUILD_BATCH_SIZE=12 >"$dir/configure.log" 2>&1 || {
      grep -A5 -m1 'CMake Error' "$dir/configure.log" >&2
      fail "cmake could not configure build/$kind (all output: $dir/configure.log)"
    }
  fi
}

build_kind() { # build_kind KIND [TARGET...]
  local kind=$1 dir=$root/build/$1
  shift
  configure_kind "$kind"
  echo "Building build/$kind with $(nproc) jobs$(command -v ccache >/dev/null && echo ' and ccache')"
  NINJA_STATUS="[$kind %f/%t] " ninja -C "$dir" -j "$(nproc)" "$@" ||
    fail "the build of build/$kind failed; its first error stands above"
}
