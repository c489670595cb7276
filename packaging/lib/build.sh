# shellcheck shell=bash
# Builds one kind of dAdvisor in build/KIND. Needs packages.sh and $root, the checkout.

build_kind() { # build_kind KIND [TARGET...]
  # shellcheck disable=SC2154  # the caller's
  local kind=$1 dir=$root/build/$1
  shift
  if [ ! -e "$dir/build.ninja" ]; then
    mkdir -p "$dir"
    cmake -S "$root" -B "$dir" -G Ninja -DDADVISOR_KIND="$kind" >"$dir/configure.log" 2>&1 || {
      grep -A5 -m1 'CMake Error' "$dir/configure.log" >&2
      fail "cmake could not configure build/$kind (all output: $dir/configure.log)"
    }
  fi
  echo "Building build/$kind with $(nproc) jobs$(command -v ccache >/dev/null && echo ' and ccache')"
  NINJA_STATUS="[$kind %f/%t] " ninja -C "$dir" -j "$(nproc)" "$@" ||
    fail "the build of build/$kind failed; its first error stands above"
}
