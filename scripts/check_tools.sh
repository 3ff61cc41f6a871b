#!/bin/sh
# Look for what `make` needs, and say in one sentence each what is missing and how to get it.
# Usage: check_tools.sh PYTHON
set -u
python=${1:-python3}
missing=0

say() {
    echo "Missing: $1" >&2
    missing=1
}

if ! command -v "$python" >/dev/null 2>&1; then
    say "Python 3.11 or newer ('$python' was not found); on Debian: apt-get install python3 python3-venv."
elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    say "Python 3.11 or newer; '$python' is $("$python" -V 2>&1). Choose another with: make run PYTHON=python3.11"
elif ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    say "the venv part of Python; on Debian: apt-get install python3-venv (or python$version-venv)."
fi

if ! command -v node >/dev/null 2>&1; then
    say "Node.js 20.19 or newer ('node' was not found); see https://nodejs.org/en/download."
elif ! node -e 'const [a, b] = process.versions.node.split(".").map(Number);
    process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null; then
    say "Node.js 20.19 or newer; this is $(node --version 2>&1). See https://nodejs.org/en/download."
fi

if ! command -v npm >/dev/null 2>&1; then
    say "npm, which comes with Node.js; on Debian with its own Node.js: apt-get install npm."
fi

exit "$missing"
