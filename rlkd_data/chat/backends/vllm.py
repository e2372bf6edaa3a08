"""`vllm:` – vLLM's engine in this process (its workers are processes of their own), for a model on this machine.

A model is named as for `local:`: a folder, a short name or a Hub id; a LoRA adapter comes with its base. What the
engine takes beyond the model (`max_model_len`, `tensor_parallel_size`, …) is the setting `engine`, over RLKD_VLLM_ARGS,
a JSON object in the environment.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from datetime import UTC, datetime
from typing import Any

from rlkd_data.chat.backends.controls import given, refuse
from rlkd_data.chat.backends.models import LocalModel, resolve
from rlkd_data.chat.types import FinishReason, Hopeless, Rejected, Reply, Request, Retryable
from rlkd_data.config import ChatSettings
from rlkd_data.errors import InputError, MissingDependency
from rlkd_data.run.identity import content_identity
from rlkd_data.schema import Usage

VARIABLE = "RLKD_VLLM_ARGS"
_FINISH: dict[str, FinishReason] = {"stop": "stop", "length": "length"}
_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Those that the engine can be set up for."""


class VllmBackend:
    """One model in an engine, which starts with the first request.

    Raises InputError where the model or the engine's settings are wrong, MissingDependency without vLLM.
    """

    default_concurrency = 256

    def __init__(self, name: str, settings: ChatSettings | None = None) -> None:
        _import(name)
        settings = settings or ChatSettings()
        refuse(settings, f"vllm:{name}", ("thinking_budget", "extra_body", "extra_headers"))
        told = given(settings)
        self._template = told.pop("chat_template_kwargs", {})
        if (effort := told.pop("reasoning_effort", None)) is not None:
            self._template = {"reasoning_effort": effort} | self._template
        self._controls = told
        self.model = f"vllm:{name}"
        self._found = resolve(name)
        own = self._found.base is not None or self._found.path.name == "model"
        # A model trained anew in the same folder is another one.
        self._identity = f"{name}@{content_identity(self._found.path)}" if own else name
        self._arguments = engine_arguments(os.environ.get(VARIABLE, "")) | settings.engine
        self._engine: Any = None
        self._defaults: dict[str, Any] = {}
        self._lora: Any = None
        self._starting = asyncio.Lock()
        self._numbers = itertools.count()

    def wire(self, request: Request) -> dict[str, Any]:
        """All that the answer depends on; the engine's own settings too, since they may quantise or cut."""
        sampling = request.sampling
        asked = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "seed": sampling.seed,
            "stop": list(request.stop) or None,
            "logprobs": request.top_logprobs,
        }
        return {
            "backend": "vllm",
            "model": self._identity,
            "engine": self._arguments,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            "sampling": {name: value for name, value in asked.items() if value is not None} | self._controls,
            "schema": request.schema_json,
        } | ({"template": self._template} if self._template else {})

    async def ask(self, wire: dict[str, Any]) -> Reply:
        """Ask once. Raises Retryable, Rejected or Hopeless."""
        from vllm import SamplingParams, exceptions
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        await self._start()
        refused = getattr(exceptions, "VLLMClientError", ValueError)
        schema = wire["schema"]
        try:
            parameters = SamplingParams(
                # what the model's own generation_config says, as vLLM's server does
                **self._defaults | {"max_tokens": None} | wire["sampling"],
                structured_outputs=None if schema is None else StructuredOutputsParams(json=schema),
                output_kind=RequestOutputKind.FINAL_ONLY,
            )
            prompt = {"prompt_token_ids": self._tokens(wire["messages"])}
            final = None
            number = f"rlkd-{next(self._numbers)}"
            async for output in self._engine.generate(prompt, parameters, number, lora_request=self._lora):
                final = output
        except (refused, ValueError) as error:
            said = " ".join(str(error).split())
            long = "max_model_len" in said or "maximum model length" in said or "context length" in said
            raise Rejected(f"{self.model}: {said}", reason="too_long" if long else "bad_request") from None
        except EngineDeadError:
            raise Hopeless(f"{self.model}: the vLLM engine has died; its log above says why") from None
        except EngineGenerateError as error:
            raise Retryable(f"{self.model}: {error.__cause__ or error}", reason="engine_error") from None
        if final is None:
            raise Retryable(f"{self.model}: the engine ended a request without an answer", reason="engine_error")
        return read_output(self.model, final)

    async def close(self) -> None:
        engine, self._engine = self._engine, None
        if engine is None:
            return
        listening = getattr(engine, "output_handler", None)
        if listening is not None:  # otherwise it takes the end of the engine for a crash, and says so at length
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        await asyncio.to_thread(engine.shutdown)

    def _tokens(self, messages: list[dict[str, str]]) -> list[int]:
        tokenizer = self._engine.get_tokenizer()
        ids: list[int] = tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_dict=False, **self._template
        )
        return ids

    async def _start(self) -> None:
        async with self._starting:
            if self._engine is None:
                self._engine = await asyncio.to_thread(self._new_engine)
                self._defaults = dict(self._engine.model_config.get_diff_sampling_param())

    def _new_engine(self) -> Any:
        """The engine; seconds to minutes."""
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.lora.request import LoRARequest
        from vllm.platforms import current_platform
        from vllm.v1.engine.async_llm import AsyncLLM

        arguments: dict[str, Any] = {"disable_log_stats": True}
        if current_platform.is_cpu():
            arguments["enforce_eager"] = True  # compiling takes longer than it saves there
        weights = self._found
        if weights.base is not None:
            arguments |= {"enable_lora": True, "max_lora_rank": _rank(weights)}
            self._lora = LoRARequest("adapter", 1, str(weights.path))
            weights = weights.base
        try:
            return AsyncLLM.from_engine_args(
                AsyncEngineArgs(**{"model": str(weights.path)} | arguments | self._arguments)
            )
        except (ValueError, TypeError) as error:
            said = " ".join(str(error).split())
            raise InputError(f"vLLM cannot start {self.model}: {said} (engine settings: {VARIABLE})") from error
        except RuntimeError as error:
            raise Hopeless(f"vLLM could not start {self.model}; its log above says why ({error})") from error


def _import(name: str) -> None:
    """Import vLLM. Where it is installed but broken, installing it again is no help, so that is said apart."""
    try:
        import vllm  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name == "vllm":
            raise MissingDependency("vllm", f"the model vllm:{name}", "vllm") from error
        raise _broken(name, error) from error
    except (ImportError, RuntimeError, OSError) as error:  # wheels built for another torch
        raise _broken(name, error) from error


def _broken(name: str, error: Exception) -> InputError:
    said = " ".join(str(error).split())
    return InputError(
        f"the model vllm:{name} needs vLLM, which is installed but cannot be imported ({said}): its packages do not "
        "fit each other; give vLLM an environment of its own, or ask a vLLM server through openai: and --base-url"
    )


def engine_arguments(text: str) -> dict[str, Any]:
    """The engine's settings from RLKD_VLLM_ARGS. Raises InputError where that is no JSON object."""
    if not text.strip():
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InputError(f"{VARIABLE} is not JSON ({error}): write it like '{{\"max_model_len\": 8192}}'") from None
    if not isinstance(found, dict):
        raise InputError(f"{VARIABLE} is not a JSON object: write it like '{{\"max_model_len\": 8192}}'")
    return found


def read_output(model: str, output: Any) -> Reply:
    """A reply from a finished `vllm.RequestOutput`."""
    made = output.outputs[0]
    return Reply(
        text=made.text,
        reasoning=None,
        finish_reason=_FINISH.get(made.finish_reason or "", "other"),
        usage=Usage(
            prompt_tokens=len(output.prompt_token_ids or ()),
            cached_tokens=output.num_cached_tokens or 0,
            completion_tokens=len(made.token_ids),
        ),
        model=model,
        created_at=datetime.now(UTC),
        logprobs=tuple(
            _position(drawn, found) for drawn, found in zip(made.token_ids, made.logprobs or (), strict=False)
        ),
    )


def _position(drawn: int, found: dict[int, Any]) -> dict[str, Any]:
    """One position's log-probabilities as the chat-completions protocol gives them, likeliest first."""
    ranked = sorted(found.values(), key=lambda one: -one.logprob)
    chosen = found[drawn]
    return {
        "token": chosen.decoded_token,
        "logprob": chosen.logprob,
        "top_logprobs": [{"token": one.decoded_token, "logprob": one.logprob} for one in ranked],
    }


def _rank(adapter: LocalModel) -> int:
    config = json.loads((adapter.path / "adapter_config.json").read_text(encoding="utf-8"))
    rank = int(config["r"])
    try:
        return next(allowed for allowed in _RANKS if allowed >= rank)
    except StopIteration:
        raise InputError(f"{adapter.path}: vLLM takes adapters up to rank {_RANKS[-1]}, this one has {rank}") from None
