# shellcheck shell=bash
# Sourced by build/test and build/bench: installs by name what a part needs and the machine lacks.

# need PROGRAM:PACKAGE... installs the packages whose program is missing, with apt as root.
# "-" as the program asks for the package by its own name (a library).
need() {
  local pair program package missing=()
  for pair in "$@"; do
    program=${pair%%:*} package=${pair#*:}
    if [[ $program == - ]]; then
      dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    elif ! type -P "$program" >/dev/null; then # a file: a function may have the same name
      missing+=("$package")
    fi
  done
  ((${#missing[@]})) || return 0
  if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
    echo "missing here: ${missing[*]}. Install them, or run this as root on Debian." >&2
    return 1
  fi
  echo "installing ${missing[*]}"
  _update_once && _install "${missing[@]}"
}

_apt_updated=''
_update_once() {
  [[ -n $_apt_updated ]] && return 0
  apt-get update -qq || return 1
  _apt_updated=yes
}

# _install keeps the packages' own services from starting: the tests run the programs themselves,
# and nothing else may hold their ports.
_install() {
  local policy=/usr/sbin/policy-rc.d made='' status=0 log
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made=yes
  fi
  log=$(mktemp)
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >"$log" 2>&1 || {
    status=1
    cat "$log" >&2
  }
  rm -f "$log"
  [[ -n $made ]] && rm -f "$policy"
  return "$status"
}
