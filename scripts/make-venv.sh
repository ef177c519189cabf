#!/usr/bin/env bash
# Make (or bring up to date) a virtual environment with Egret in it, editable.
# usage: make-venv.sh PYTHON VENV REQUIREMENT
set -euo pipefail
python=$1 venv=$2 requirement=$3

"$python" - <<'PY' || exit 1
import sys
if sys.version_info < (3, 11):
    sys.exit(f"egret needs Python 3.11 or later; {sys.executable} is {sys.version.split()[0]} (make PYTHON=python3.12 ...)")
PY

if [ ! -x "$venv/bin/pip" ]; then
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
      echo "installing python3-venv, which Debian keeps apart from Python" >&2
      apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv
    else
      echo "this Python has no venv module: install python3-venv (Debian, Ubuntu) and try again" >&2
      exit 1
    fi
  fi
  echo "making $venv ..." >&2
  "$python" -m venv "$venv"
fi
echo "installing $requirement into $venv ..." >&2
PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/bin/pip" install --quiet --constraint constraints.txt --editable "$requirement" 2> >(grep -v '^WARNING: Location' >&2)
if ! "$venv/bin/python" -c 'import sys; from egret.worker import engine; sys.exit(not engine.is_there())'; then
  echo "the gate was not compiled and stays in Python, slower: install a C compiler and Python's headers (Debian: gcc python3-dev), then run $venv/bin/python scripts/build_native.py" >&2
fi
