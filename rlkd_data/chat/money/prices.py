"""What tokens cost: from genai-prices, from the user, or unknown. Never guessed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import metadata

from rlkd_data.schema import Usage

_MILLION = 1_000_000


@dataclass(frozen=True)
class Prices:
    """`source` says where the prices are from. Dollars of a reply: `cost`; None where the price is unknown."""

    source: str
    _dollars: Callable[[Usage, int], float] | None = None

    @property
    def known(self) -> bool:
        return self._dollars is not None

    def cost(self, usage: Usage, cache_written: int = 0) -> float | None:
        """Dollars for a reply's tokens: cached ones at the cached price, `cache_written` ones (part of the prompt) at
        the price of writing to the provider's cache, where it has one."""
        if self._dollars is None:
            return None
        cached = min(usage.cached_tokens, usage.prompt_tokens)  # a server may say more, and a price then turn negative
        if cached != usage.cached_tokens:
            usage = replace(usage, cached_tokens=cached)
        return self._dollars(usage, min(cache_written, usage.prompt_tokens - cached))

    def scaled(self, share: float, why: str) -> Prices:
        """A share of these prices; `why` tells what for."""
        dollars = self._dollars
        if dollars is None:
            return self
        return Prices(f"{self.source}, × {share:g} ({why})", lambda usage, written: share * dollars(usage, written))


UNKNOWN = Prices("unknown")
FREE = Prices("none: the model runs on this machine", lambda usage, written: 0.0)
"""In-process models: nobody sends a bill, so their cost is 0, not unknown."""


def given(prompt: float, completion: float, cached: float | None = None) -> Prices:
    """The user's prices, in dollars a million tokens. Cached prompt tokens cost as much as others unless said."""
    read = prompt if cached is None else cached

    def dollars(usage: Usage, _: int) -> float:
        fresh = usage.prompt_tokens - usage.cached_tokens
        return (fresh * prompt + usage.cached_tokens * read + usage.completion_tokens * completion) / _MILLION

    shown = f"${prompt:g} in, ${read:g} cached, ${completion:g} out"
    return Prices(f"given: {shown} a million tokens", dollars)


def listed(model: str, provider: str | None, url: str) -> Prices:
    """The prices that genai-prices has for a model: of `provider` (its id there), or of whom the URL belongs to."""
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

    def dollars(usage: Usage, written: int) -> float:
        # An absent kind is not the same as none of it: the table refuses kinds that a model has no price for.
        more = {"cache_write_tokens": written} if written else {}
        if usage.cached_tokens:
            more["cache_read_tokens"] = usage.cached_tokens
        tokens = Tokens(input_tokens=usage.prompt_tokens, output_tokens=usage.completion_tokens, **more)
        if provider is not None:
            return float(calc_price(tokens, model, provider_id=provider).total_price)
        return float(calc_price(tokens, model, provider_api_url=url).total_price)

    try:
        dollars(Usage(prompt_tokens=1), 0)
    except LookupError:
        return UNKNOWN
    return Prices(f"genai-prices {metadata.version('genai-prices')}", dollars)
