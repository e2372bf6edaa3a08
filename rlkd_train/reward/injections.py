"""Words in a completion that are meant for the GSRM or the judge, not for the problem."""

from __future__ import annotations

import re
import unicodedata

_MARKER = re.compile(
    r"\[\s*[*_]{0,3}(?:me[at]{2}[ _-]?reasoning|sub[ _-]?(?:problem|think|question)|query|answer|final[ _-]?answer)"
    r"[ \t#_-]{0,3}(?:\d{1,6}[*_]{0,3}\s*\]|[*_]{0,3}\]\s*:)",
    re.IGNORECASE,
)
_PLAIN_META = re.compile(
    r"^\W{0,6}meta[ _-]?reasoning\s*(?:\(?(?:step\s*)?\d{1,3}\)?)\W{0,4}:", re.IGNORECASE | re.MULTILINE
)
_PLAIN_QUESTION = re.compile(
    r"^\W{0,6}sub[ _-]?(?:problem|question)\s*(?:\(?(?:step\s*)?\d{1,3}\)?)\W{0,4}:", re.IGNORECASE | re.MULTILINE
)
_KEYS = re.compile(r"[\"']meta[_-]?reasoning[\"']\s*:", re.IGNORECASE)
_TO_JUDGE = re.compile(
    r"""
    \b(?:ignore|disregard|forget|override)\b[^.\n]{0,30}\b(?:previous|above|prior|earlier|all)\b[^.\n]{0,20}
        \b(?:instructions?|prompts?|rules)\b
    | (?:^[^\S\n]*+|[.!?:"'>\]]\s*+|\bplease\s+|\byou\s+(?:must|should|have\s+to)\s+|\b(?:just|simply|always|only)\s+)
        (?:answer|reply|respond|say|output|write|(?:return|print)(?!\s+(?:true|correct)))\s+(?:only\s+|just\s+)?
        (?:with\s+)?
        (?:the\s+(?:one\s+)?(?:single\s+)?word\s+)?["'`*“‘]{0,2}(?:yes|match(?:es)?|correct|true)\b(?!\s*(?:or|/|if|when)\b)
    | answer\s+with\s+one\s+word,?\s+yes\s+or\s+no
    | \b(?:dear|attention|note\s+to(?:\s+the)?|hey)\s+(?:judge|grader|evaluator|verifier|reward\s+model)\b
    | \byou\s+are\s+(?:a|an|the)\s+(?:helpful\s+)?(?:judge|grader|evaluator|verifier|reward\s+model)\b
    | \b(?:these|both|the\s+two)\s+(?:texts?|parts?|steps?|reasonings?|answers?)\s+(?:do\s+|clearly\s+)?match\b
    | <\|(?:im_start|im_end|endoftext|eot_id|start_header_id|assistant|system|user)\|> | \[/?INST\] | <</?SYS>>
    """,
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)
_FORGED = re.compile(
    r"""
    ^[^\S\n]*+A>\s.*\n\s*+B>\s | ^[^\S\n]*+Pair\s\d{1,3},\s(?:plans|questions|answers|steps)\b
    | \{\s*["']1["']\s*:\s*["'](?:yes|no)["'] | ["'](?:match|verdict|equivalent)["']\s*:\s*(?:true|["']yes["'])
    | ^\W{0,4}(?:verdict|judg(?:e)?ment|decision)\W{0,6}[:=]\W{0,4}(?:yes|true|match)\b
    | \b(?:from\s+now\s+on|whatever\s+(?:you\s+see|follows|comes)|in\s+any\s+case|no\s+matter\s+what)[,:]?\s+
      (?:you\s+)?(?:just\s+|always\s+|must\s+|only\s+)?(?:answer|say|reply|respond|output)\b
    | \b(?:always|only|just)\s+(?:answer|reply|respond|say)\s+(?:with\s+)?["'`*“]{0,2}yes\b
    | \b(?:mark|count|treat|score|grade|rate)\s+(?:this|these|both|all|it|them|every\s+step)\s+(?:steps?\s+)?(?:as\s+)?
      (?:a\s+)?(?:match(?:ing)?|correct|equal|the\s+same|yes)\b
    """,
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)
_FOREIGN = re.compile(
    r"""
    \b(?:ignor(?:a|ad|e|en|ez|i|iere|ieren)|olvid\w{1,3}|oubli\w{1,3}|vergiss|vergessen\s+sie|missacht\w{1,4}
        |esque[cç]\w{1,3}|dimentic\w{1,3}|negeer|zignoruj|игнорируй\w{0,3}|забудь\w{0,2})\b[^.\n]{0,40}
      \b(?:instrucci\w+|istruzioni|anweisung\w*|consignes?|instructions\s+(?:précé|anté|ci-)\w+|instruções|instructies
        |polecen\w+|инструкци\w*|указани\w*)
    | \b(?:responde|contesta|di|réponds|répondez|dis|dites|antworte|antworten\s+sie|sag|responda|diga|rispondi|antwoord
        |odpowiedz|ответь|отвечай|скажи)\b[^.\n\w]{0,3}(?:\w{1,12}[ ,:]{1,2}){0,5}["'«»„“”‘’*]{0,2}
      (?:sí|oui|ja|sim|sì|tak|да)(?!\w)
    | (?:忽略|无视|無視|忘记)[^。\n]{0,16}(?:指令|说明|指示|要求|提示|命令)
    | (?:回答|回复|输出|说)[^。\n]{0,6}[“"「『']?(?:是|对|yes)[”"」』']?(?:[。！!]|$)
    | 指示を?[^。\n]{0,8}(?:無視|忘れ) | [「『"]?はい[」』"]?[^。\n]{0,3}と(?:だけ)?(?:答え|返事|言)
    | (?:지시|명령|지침)\S{0,3}\s*(?:\S{1,6}\s*)?무시 | ["'“]?(?:예|네)["'”]?\s?(?:라고|로)?만?\s*(?:답|대답|말)
    | تجاهل[^.\n]{0,30}(?:التعليمات|الأوامر) | (?:أجب|اجب|قل)[^.\n]{0,10}نعم
    | (?:निर्देश\S*)[^।\n]{0,20}(?:अनदेखा|नज़रअंदाज़|भूल) | हा[ँं]\s*(?:में|कह)\S*\s*(?:उत्तर|जवाब|कह)?
    """,
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)


def has_markers(text: str) -> bool:
    """Whether a text holds markers of a decomposition, with or without brackets, or the keys of one in JSON. Without
    brackets, a plan and a question have to be marked: people number their answers too."""
    plain = _plain(text)
    if _MARKER.search(plain) or _KEYS.search(plain):
        return True
    return _PLAIN_META.search(plain) is not None and _PLAIN_QUESTION.search(plain) is not None


def talks_to_judge(text: str) -> bool:
    """Whether a text tells a judge what to say, in any of a dozen languages, forges its question or its reply."""
    plain = _plain(text)
    return any(pattern.search(plain) for pattern in (_TO_JUDGE, _FORGED, _FOREIGN))


_BRACKETS = str.maketrans("【】［］〔〕：‐‑‒–—", "[][][]:-----")


def _plain(text: str) -> str:
    """Without what cannot be seen (zero-width characters), and with one kind of brackets, colons and hyphens."""
    return "".join(c for c in text if unicodedata.category(c) != "Cf").translate(_BRACKETS)
