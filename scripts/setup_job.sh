# shellcheck shell=sh
# Sourced by the jobs of this repository: `python` becomes that of an environment with requirements/run.txt.
# TRUEWHEEL_VENV names one to use as it is. Else the image's is used, or one is made in .venv.

truewheel_find_python() {
  for truewheel_python in python3 python3.14 python3.13 python3.12 python3.11 python3.10 ''; do
    "$truewheel_python" -I -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' && break
  done 2>/dev/null
  [ "$truewheel_python" ]
}
truewheel_install_python() { # with the headers that wheels are compiled against
  if command -v apt-get >/dev/null; then
    apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3-dev python3-venv
  else
    dnf install -y python3.11-devel python3.12-devel
  fi
}
truewheel_make_venv() {
  cmp -s requirements/run.txt .venv/run.txt && return
  truewheel_find_python || { truewheel_install_python && truewheel_find_python; } || return
  "$truewheel_python" -I -m venv --clear .venv &&
    .venv/bin/python -I -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt &&
    cp requirements/run.txt .venv
}
if [ "${TRUEWHEEL_VENV:-}" ] || ! cmp -s requirements/run.txt "${VIRTUAL_ENV:-}/run.txt"; then
  [ "${TRUEWHEEL_VENV:-}" ] || truewheel_make_venv || { echo "setup_job.sh: no environment with Python 3.10+" >&2; exit 1; }
  VIRTUAL_ENV=${TRUEWHEEL_VENV:-$PWD/.venv}
fi
export VIRTUAL_ENV PATH="$VIRTUAL_ENV/bin:$PATH"
