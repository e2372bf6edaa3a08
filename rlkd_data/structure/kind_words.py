"""The words by which steps are told apart (`kinds`): regular expressions, any of which is enough."""

from __future__ import annotations

CONCLUDING = (
    r"\\boxed",
    r"\bfinal answer\b",
    r"\b(?:the |correct )?answer (?:is|should be|must be|would be|will be|choice is)\b",
    r"^(?:so|thus|therefore|hence)?,? ?(?:the )?answer[: ]",
    r"\bin (?:conclusion|summary)\b",
    r"\bto conclude\b",
    r"^(?:therefore|thus|hence),? .{0,40}\b(?:total|in all|altogether|option|choice|the (?:smallest|largest|"
    r"least|maximum|minimum|number of|value of))\b",
)
CHECKING = (
    r"\b(?:double-?\s?)?check(?:ing|ed|s)?\b",
    r"\bverif(?:y|ies|ied|ying|ication)\b",
    r"\bconfirm(?:s|ed|ing)?\b",
    r"\bmake sure\b",
    r"\bsanity\b",
    r"✔",
    r"✓",
    r"\b(?:that|this|it|which)(?:'s| is| seems| looks| sounds)? (?:all |also )?(?:right|correct|consistent|"
    r"valid|good|fine|okay|ok|allowed)\b",
    r"\bis (?:that|this|it) (?:right|correct|true)\b",
    r"\bas (?:expected|required)\b",
    r"\b(?:another|other) (?:test case|example)\b",
    r"\btest case\b",
    r"^yes\b",
    r"^yeah\b",
    r"\bplug(?:ging)? (?:it |this |that |these )?back\b",
    r"\bcorrectly\b",
    r"\bindeed\b",
    r"\bno issues?\b",
    r"\bplan is valid\b",
)
BACKTRACKING = (
    r"^(?:hmm[,.]? |oh,? |but |so )?(?:wait|hold on|actually|no,|oops)\b",
    r"\balternative(?:ly)?\b",
    r"\bmistake\b",
    r"\b(?:i|we) (?:was|were|went|am|might be|may be) wrong\b",
    r"\bthat(?:'s| is| can't be| cannot be)? (?:not (?:right|correct|possible|true|what|allowed)|wrong|"
    r"incorrect|impossible)\b",
    r"\bnot sure\b",
    r"\b(?:doesn't|does not|didn't|won't) (?:work|make sense|help|fit|hold|match)\b",
    r"\bstart (?:over|again)\b",
    r"\bgo(?:ing)? back\b",
    r"\bthink again\b",
    r"\breconsider\b",
    r"\binstead\b",
    r"\banother (?:way|approach|angle|thought)\b",
    r"\b(?:but|maybe|perhaps) i (?:should(?:n't| not)|misread|misunderstood)\b",
    r"\bdead end\b",
    r"\bscratch that\b",
)
SETTING_UP = (
    r"\b(?:problem|question|puzzle|task|goal|statement|instructions?|scenario)s? (?:is|are|was|says?|said|"
    r"states?|asks?|asking|gives?|wants?|might|may|mentions?|tells?)\b",
    r"\b(?:i|we) (?:have|need|want) to (?:find|figure out|solve|determine|answer|write|compute the (?:answer|"
    r"value)|prove|show)\b",
    r"^(?:we are |we're |i'm )?given\b",
    r"\bis given\b",
    r"\binitial(?:ly)? (?:conditions?|state|facts?|setup)\b",
    r"\blet (?:me )?(?:denote|define|\$?\\?\(?[a-z]\\?\)?\$? (?:be|=|denote))\b",
    r"\bdefine\b",
    r"\b(?:read|recall(?:ing)?|restate|rephrase|understand) (?:it|the|this)(?: problem| question)?\b",
    r"\blet me (?:start by )?(?:read|restat|rephras|understand|recall)\w*",
    r"\bi have this (?:problem|question|riddle)\b",
    r"^(?:we have|there (?:is|are)) (?:a|an|two|three|four|five|triangle|the)\b",
    r"\bmust write\b",
    r"\bsuppose\b",
    r"\bassum(?:e|ing)\b",
)
PLANNING = (
    r"\b(?:let's|let us|let me|i'll|i will|we'll|we will|i'd) (?:now )?(?:first )?(?:start|try|see|break|"
    r"think|do|use|consider|focus|look|tackle|work|proceed|go|move|analyz|approach|find|figure|begin|take|"
    r"write|handle)\w*",
    r"\b(?:i|we) (?:can|could|should|might|may|need to|have to|must)\b",
    r"\b(?:plan|strategy|approach|idea|steps?) (?:is|would|will|are|here)\b",
    r"\bsteps? would be\b",
    r"^(?:first|next|now),? (?:i|we|let)\b",
    r"\bone way\b",
    r"\bhow (?:to|can|do|could|should) (?:i|we|get|find)?\b",
    r"\bin order to\b",
    r"\bto (?:find|get|solve|do|determine|compute) (?:this|that|it|the)\b",
    r"\bstep by step\b",
    r"\bmaybe (?:by|using|i|we)\b",
    r"\bneed(?:s)? to (?:be|find|get)\b",
)
FAILS = (
    r"\b(?:doesn't|does not|didn't|won't|can't|cannot) (?:work|make sense|help|fit|hold|match|be (?:right|"
    r"true|correct))\b",
    r"\bcontradict(?:s|ion|ory)?\b",
    r"\bdead end\b",
    r"\bnot (?:possible|valid|allowed|helpful)\b",
    r"\bimpossible\b",
    r"\btoo (?:complicated|messy|tedious)\b",
    r"\b(?:that|this) (?:is|was) (?:wrong|incorrect|a mistake)\b",
    r"\bscratch that\b",
    r"\bthat's (?:wrong|incorrect|not (?:right|correct|true|possible))\b",
)
DROPS = (
    r"^(?:hmm[,.]? |oh,? |but )?(?:wait|hold on|actually|no)\b[^.!?]*\b(?:no|not|n't|wrong|mistake|incorrect|"
    r"error)\b",
    r"^(?:so |but |or )?(?:maybe |perhaps )?(?:alternatively|instead)\b",
    r"\b(?:try|another|different) (?:another |a different )?(?:way|approach|method)\b",
    r"\bstart (?:over|again)\b",
    r"\bgo back\b",
    r"\bmistake\b",
)
