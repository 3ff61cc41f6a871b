#!/bin/sh
# Install the pinned torch into a virtual environment: the CPU build where there is no NVIDIA
# device. Why it is done in these steps: docs/decisions/torch_build.md
# Usage: install_torch.sh VENV REQUIREMENTS
set -eu
pip="$1/bin/python -m pip install --disable-pip-version-check -qq"
pin=$(grep '^torch==' "$2")
wanted=${pin#torch==}

# What is installed already stays, whichever build it is.
if "$1/bin/python" - "$wanted" <<'PYTHON'
import sys
from importlib.metadata import PackageNotFoundError, version
try:
    sys.exit(version("torch").split("+")[0] != sys.argv[1])
except PackageNotFoundError:
    sys.exit(1)
PYTHON
then
    exit 0
fi

# TORCH_BUILD=cuda: for a machine other than this one (deploy/Dockerfile).
if [ ! -e /dev/nvidiactl ] && [ "${TORCH_BUILD:-cpu}" != cuda ]; then
    # 1. pip's own index or wheel folder, which on a closed site may hold the CPU build.
    $pip "$pin+cpu" 2>/dev/null && exit 0
    # 2. PyTorch's index. One retry: where it cannot be reached, that is known soon.
    $pip --retries 1 --timeout 10 --no-deps \
        --index-url "${TORCH_INDEX:-https://download.pytorch.org/whl/cpu}" "$pin+cpu" 2>/dev/null &&
        exit 0
fi
# 3. Whatever build pip's own index has: with CUDA on Linux, the plain one elsewhere.
if ! $pip -r "$2"; then
    echo "torch $wanted could not be installed: no index that pip knows has it." >&2
    exit 1
fi
