"""Units behind a number: which, of what dimension, how large; and words that only name what was counted. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from rlkd_data.answers.typeset import bare

_LENGTHS = "m meter meters metre metres 米"
_BASES: dict[str, tuple[str, str]] = {  # names: (factor, base^power …)
    _LENGTHS: ("1", "m"),
    "g gram grams 克": ("1/1000", "kg"),
    "s sec secs second seconds 秒 秒钟": ("1", "s"),
    "L l liter liters litre litres 升": ("1/1000", "m3"),
    "N newton newtons": ("1", "kg m s-2"),
    "J joule joules": ("1", "kg m2 s-2"),
    "W watt watts": ("1", "kg m2 s-3"),
    "Pa pascal pascals": ("1", "kg m-1 s-2"),
    "Hz hertz": ("1", "s-1"),
    "V volt volts": ("1", "kg m2 s-3 A-1"),
    "A amp amps ampere amperes": ("1", "A"),
    "C coulomb coulombs": ("1", "A s"),
    "Ω ohm ohms \\Omega": ("1", "kg m2 s-3 A-2"),
    "F farad farads": ("1", "A2 s4 kg-1 m-2"),
    "T tesla": ("1", "kg s-2 A-1"),
    "eV": ("1", "eV"),
    "mol mole moles 摩尔": ("1", "mol"),
    "cal calorie calories": ("523/125", "kg m2 s-2"),
}
_PREFIXES = {"k": "1000", "M": "1000000", "G": "1000000000", "c": "1/100", "d": "1/10", "m": "1/1000",
             "μ": "1/1000000", "µ": "1/1000000", "n": "1/1000000000", "p": "1/1000000000000"}  # fmt: skip
_WORD_PREFIXES = {"kilo": "1000", "centi": "1/100", "milli": "1/1000", "micro": "1/1000000", "deci": "1/10",
                  "mega": "1000000", "giga": "1000000000", "nano": "1/1000000000"}  # fmt: skip
_CHINESE_PREFIXES = {"千": "1000", "厘": "1/100", "分": "1/10", "毫": "1/1000", "微": "1/1000000", "纳": "1/1000000000"}
_OTHERS: dict[str, tuple[str, str]] = {
    "min mins minute minutes 分钟 分": ("60", "s"),
    "h hr hrs hour hours 小时 时": ("3600", "s"),
    "day days 天": ("86400", "s"),
    "week weeks wk wks 周 星期": ("604800", "s"),
    "month months 个月": ("1", "month"),
    "year years yr yrs 年": ("12", "month"),
    "in inch inches 英寸": ("127/5000", "m"),
    "ft foot feet 英尺": ("381/1250", "m"),
    "yd yard yards 码": ("1143/1250", "m"),
    "mi mile miles 英里": ("201168/125", "m"),
    "公里": ("1000", "m"),
    "kg kilogram kilograms kilo kilos 公斤 千克": ("1", "kg"),
    "t tonne tonnes 吨": ("1000", "kg"),
    "斤": ("1/2", "kg"),
    "lb lbs pound pounds": ("45359237/100000000", "kg"),
    "oz ounce ounces": ("45359237/1600000000", "kg"),
    "ton tons": ("1", "ton"),
    "cup cups": ("1", "cup"),
    "pint pints": ("2", "cup"),
    "quart quarts": ("4", "cup"),
    "gallon gallons gal": ("16", "cup"),
    "tablespoon tablespoons tbsp": ("1/16", "cup"),
    "teaspoon teaspoons tsp": ("1/48", "cup"),
    "° deg degree degrees 度": ("1", "deg"),
    "rad radian radians 弧度": ("1", "rad"),
    "°C °c celsius 摄氏度": ("1", "degC"),
    "°F fahrenheit 华氏度": ("1", "degF"),
    "K kelvin kelvins": ("1", "K"),
    "$ dollar dollars usd bucks US$ 美元": ("1", "usd"),
    "¢ cent cents penny pennies 美分": ("1/100", "usd"),
    "€ euro euros eur": ("1", "eur"),
    "£ gbp": ("1", "gbp"),
    "¥ yuan rmb 元 块钱": ("1", "cny"),
    "角": ("1/10", "cny"),
    "yen jpy 日元": ("1", "jpy"),
    "rupee rupees Rs ₹": ("1", "inr"),
    "% percent per\u00a0cent pct 百分点": ("1", "percent"),
    "mph": ("201168/450000", "m s-1"),
    "kph kmph kmh": ("5/18", "m s-1"),
    "rpm": ("1/60", "s-1"),
    "bit bits": ("1", "bit"),
    "byte bytes": ("8", "bit"),
    "kWh": ("3600000", "kg m2 s-2"),
    "M molar": ("1000", "mol m-3"),
    "atm": ("101325", "kg m-1 s-2"),
    "bar": ("100000", "kg m-1 s-2"),
    "acre acres": ("1", "acre"),
    "ha hectare hectares 公顷": ("10000", "m2"),
}
_TIME = (("s", 1),)
_EXCHANGED = ({"s"}, {"month"}, {"usd"}, {"cny"})
"""Bases whose units people exchange for one another unasked: times and money."""
_POWER_WORDS = {"square": 2, "sq": 2, "squared": 2, "cubic": 3, "cu": 3, "cubed": 3, "平方": 2, "立方": 3}
_TOKEN = re.compile(
    r"(?P<unit>\\Omega|°\s?[CFcf]\b|[°%$€£¥¢₹Ω]|[A-Za-zμµ]+|平方|立方|[\u4e00-\u9fff]+)"
    r"(?:\s*\^?\s*\{?\s*(?P<power>-?\d)\s*\}?)?|(?P<over>/|每)|(?P<dot>\\cdot|[.*])|(?P<paren>[()\s])"
)
NEUTRAL = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "in",
        "on",
        "at",
        "to",
        "per",
        "each",
        "every",
        "left",
        "remaining",
        "remain",
        "total",
        "altogether",
        "more",
        "extra",
        "now",
        "still",
        "only",
        "just",
        "exactly",
        "approximately",
        "about",
        "and",
        "day's",
        "long",
        "tall",
        "wide",
        "high",
        "deep",
        "old",
        "away",
        "apart",
        "all",
        "is",
        "are",
        "was",
        "were",
        "be",
        "he",
        "she",
        "it",
        "they",
        "will",
        "have",
        "has",
        "had",
        "can",
        "could",
        "there",
        "were",
        "needed",
        "required",
        "spent",
        "earned",
        "saved",
        "sold",
        "bought",
    ]
)
"""Words behind a number that do not say what was counted."""
_TURNS = "north south east west up down left right clockwise counterclockwise"
_SIGNS = "loss debt deficit behind ago before after"
CHANGING = frozenset(f"{_TURNS} {_SIGNS}".split())
"""Words behind a number that change what it says."""
SI = re.compile(r"m|g|s|h|L|l|N|J|W|V|A|C|K|F|T|t|M")
"""Units of one letter, which may as well be a variable."""


@dataclass(frozen=True, slots=True)
class Unit:
    """`dimensions`: (base, power) in order; `factor`: how many of the base units it is."""

    dimensions: tuple[tuple[str, int], ...]
    factor: Fraction

    @property
    def exchanged(self) -> bool:
        """Whether people give one of these for another unasked."""
        return {base for base, _ in self.dimensions} in _EXCHANGED and all(power == 1 for _, power in self.dimensions)


@dataclass(frozen=True, slots=True)
class Counted:
    """Words that no table of units has: `chickens`, `red marbles`."""

    words: frozenset[str]


def _table() -> dict[str, Unit]:
    found: dict[str, Unit] = {}

    def add(name: str, factor: Fraction, dimensions: str) -> None:
        parsed = tuple(sorted((m[1], int(m[2] or 1)) for m in re.finditer(r"([A-Za-z]+?)(-?\d)?(?:\s|$)", dimensions)))
        found.setdefault(name, Unit(parsed, factor))

    for names, (factor, dimensions) in (*_OTHERS.items(), *_BASES.items()):
        for name in names.split(" "):
            add(name, Fraction(factor), dimensions)
    for names, (factor, dimensions) in _BASES.items():
        for name in names.split():
            short = len(name) <= 3 and name.isascii()
            many = _PREFIXES if short or name == "Ω" else _WORD_PREFIXES if name.isascii() else _CHINESE_PREFIXES
            for prefix, scale in many.items():
                if not (name == "L" and prefix not in ("m", "c", "d", "μ", "µ")) and (prefix + name) != "cd":
                    add(prefix + name, Fraction(scale) * Fraction(factor), dimensions)
    return found


UNITS = _table()
PERCENT = UNITS["%"]
_FOLDED = {name.lower(): unit for name, unit in reversed(UNITS.items()) if len(name) > 2 or not name.isascii()}


@lru_cache(maxsize=4096)
def unit_of(text: str) -> Unit | None:  # noqa: PLR0912 - a kind each
    """The unit that a cleaned text is: `m/s^{2}`, `square meters`, `km per hour`, `元`. None where any of it is no
    unit."""
    text = bare(text).strip().rstrip(".")
    if not text or len(text) > 60:
        return None
    bases: dict[str, int] = {}
    factor, place, sign, power = Fraction(1), 0, 1, 1
    last: Unit | None = None
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            return None
        place = found.end()
        word = found["unit"]
        if found["over"] or word in ("per", "a", "an"):
            if last is None:
                return None
            sign = -1
            continue
        if found["dot"] or found["paren"]:
            continue
        if word.lower() in ("squared", "cubed") and last is not None:
            extra = _POWER_WORDS[word.lower()] - 1
            for base, count in last.dimensions:
                bases[base] = bases.get(base, 0) + sign * count * extra
            factor *= last.factor ** (sign * extra)
            continue
        if word.lower() in _POWER_WORDS:
            power = _POWER_WORDS[word.lower()]
            continue
        for prefix, exponent in (("平方", 2), ("立方", 3)):
            if word.startswith(prefix):
                word, power = word.removeprefix(prefix), exponent
        one = UNITS.get(word.replace(" ", "")) or _FOLDED.get(word.lower())
        if one is None:
            return None
        count = int(found["power"] or power) * sign
        for base, exponent in one.dimensions:
            bases[base] = bases.get(base, 0) + exponent * count
        factor *= one.factor**count
        last, power = one, 1
    if last is None:
        return None
    return Unit(tuple(sorted((base, n) for base, n in bases.items() if n)), factor)


def counted(text: str) -> Counted | None:
    """What words behind a number say was counted; None where they only go on about it."""
    words = re.findall(r"[^\W\d_]+", bare(text).lower())
    kept = {_singular(word) for word in words if word not in NEUTRAL and word not in _MEASURES}
    return Counted(frozenset(kept)) if kept else None


_MEASURES = frozenset(
    [
        "个",
        "只",
        "页",
        "颗",
        "人",
        "本",
        "岁",
        "次",
        "种",
        "条",
        "名",
        "张",
        "件",
        "台",
        "辆",
        "支",
        "朵",
        "棵",
        "头",
        "双",
        "家",
        "位",
        "枚",
        "根",
        "份",
        "杯",
        "袋",
        "题",
        "道",
        "步",
        "组",
        "块",
        "th",
        "st",
        "nd",
        "rd",
    ]
)


def _singular(word: str) -> str:
    for ending, new in (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("xes", "x"), ("ses", "s"), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 2 and not word.endswith("ss"):
            return word.removesuffix(ending) + new
    return word
