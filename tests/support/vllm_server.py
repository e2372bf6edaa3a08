"""A real vLLM server on the CPU, and the small GSRM as whole weights for one.

Not as a LoRA adapter: vLLM 0.32 on two cores writes 12 tokens a second under one, a tenth of what it does without, and
was seen to stop for good in the middle of a batch.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rlkd_data.chat.backends.models import resolve

_START_SECONDS = 300
_COUNTS = {
    "calls": r"vllm:request_success_total",
    "prompt_tokens": r"vllm:prompt_tokens_total",
    "completion_tokens": r"vllm:generation_tokens_total",
    "prefix_hits": r"vllm:prefix_cache_hits_total",
}


def python() -> str | None:
    """The interpreter of an environment with vLLM; None where there is none."""
    usual = Path(__file__).resolve().parents[2] / ".venv-vllm" / "bin" / "python"
    return os.environ.get("RLKD_VLLM_PYTHON") or (str(usual) if usual.exists() else None)


def counts(url: str) -> dict[str, int]:
    """Finished requests and tokens so far, by the server's own count."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as response:
        text = response.read().decode()
    return {
        name: round(sum(float(value) for value in re.findall(rf"^{metric}(?:\{{.*\}})? ([\d.e+]+)$", text, re.M)))
        for name, metric in _COUNTS.items()
    }


def merge_adapter(adapter: str, folder: Path) -> Path:
    """Save a LoRA adapter, merged into its base, as whole weights."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    found = resolve(adapter)
    assert found.base is not None
    base = AutoModelForCausalLM.from_pretrained(found.base.path, dtype=torch.float32)
    merged = PeftModel.from_pretrained(base, str(found.path)).merge_and_unload()
    merged.to(torch.bfloat16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(found.path).save_pretrained(folder)
    return folder


@contextmanager
def running_vllm(
    interpreter: str, model: Path, name: str, log: Path, *flags: str, context: int = 2048, at_once: int = 32
) -> Iterator[str]:
    """The address of a server of one model, once it answers; it ends with the block. `context` is in tokens, `at_once`
    counts requests; `flags` are more of vLLM's own."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    command = [interpreter, "-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--model", str(model), "--served-model-name", name]
    command += ["--enforce-eager", "--max-model-len", str(context), "--max-num-seqs", str(at_once), *flags]
    environment = os.environ | {
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
    }
    environment.pop("PYTHONPATH", None)
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as stream:
        # A session of its own: the server's workers end with it, and nothing else does.
        started = subprocess.Popen(command, env=environment, stdout=stream, stderr=stream, start_new_session=True)
        try:
            _wait(started, url, log)
            yield url
        except Exception as problem:
            problem.add_note(f"vLLM said last:\n{log.read_text(errors='replace')[-3000:]}")
            raise
        finally:
            started.terminate()
            try:
                started.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(started.pid, signal.SIGKILL)
                started.wait()


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"{url}/health", timeout=10).close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
    raise RuntimeError(f"vLLM did not start:\n{log.read_text(errors='replace')[-3000:]}")
