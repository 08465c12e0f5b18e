"""Which of ruff's rules speak, in which type and how loud: those that are about what a program does.

Left out on purpose: style and naming (a formatter's work), everything of `S` (flake8-bandit: the security
scanner's work), and rules that are true of good code more often than of bad (A002, B007, B008, B028, B905,
BLE001 without a look at what the handler does, PERF203, RET503, RUF012, TRY003).
"""

from __future__ import annotations

from collections.abc import Mapping

from ..findings.severities import Severity
from .issue import Rule


def _quality(severity: Severity, why: str, do: str, what: str | None = None) -> Rule:
    return Rule("quality", severity, why, do, what)


def _performance(severity: Severity, why: str, do: str, what: str | None = None) -> Rule:
    return Rule("performance", severity, why, do, what)


_CRASHES = "It fails when this line runs."
_ALWAYS = "The outcome does not depend on what is compared, so one branch never runs."
_FORMAT = "Formatting fails, or shows something else than was meant, when this line runs."
_BLOCKS = "It blocks the event loop: everything else in the process waits meanwhile."
_COPY = "It builds a list only to throw it away."
_UTC = "Times without a zone are compared and stored as if every machine stood in the same place."

_WRONG: Mapping[str, Rule] = {
    "F821": _quality("HIGH", _CRASHES, "Define the name, import it, or mend its spelling."),
    "F822": _quality(
        "MEDIUM", "`from module import *` fails.", "Take the name out of __all__, or define it."
    ),
    "F823": _quality("HIGH", _CRASHES, "Assign the local name first, or declare it global or nonlocal."),
    "F811": _quality(
        "MEDIUM",
        "The first definition is never used; a test of that name never runs.",
        "Rename or remove one of them.",
    ),
    "F632": _quality(
        "MEDIUM", "Whether two equal values are one object is chance.", "Compare with == or !=."
    ),
    "F502": _quality("HIGH", _FORMAT, "Give a mapping."),
    "F503": _quality("HIGH", _FORMAT, "Give a sequence."),
    "F505": _quality("HIGH", _FORMAT, "Give every name that the format asks for."),
    "F506": _quality("HIGH", _FORMAT, "Use names or positions, not both."),
    "F507": _quality("HIGH", _FORMAT, "Give as many values as the format asks for."),
    "F509": _quality("HIGH", _FORMAT, "Use a conversion that exists."),
    "F521": _quality("HIGH", _FORMAT, "Mend the format.", "This format string is not valid"),
    "F523": _quality("MEDIUM", _FORMAT, "Use the argument in the format, or leave it out."),
    "F524": _quality("HIGH", _FORMAT, "Give every argument that the format asks for."),
    "F601": _quality(
        "MEDIUM", "The later value wins without a word.", "Keep one.", "A key stands in this dict twice"
    ),
    "F631": _quality("HIGH", "A tuple is always true, so it never fails.", "Take the parentheses away."),
    "F634": _quality(
        "HIGH", "A tuple is always true, so the branch is always taken.", "Take the parentheses away."
    ),
    "F702": _quality("HIGH", _CRASHES, "Move it into the loop."),
    "F706": _quality("HIGH", _CRASHES, "Move it into the function."),
    "B002": _quality("MEDIUM", "Python has no ++ and no --: nothing changes.", "Write += 1 or -= 1."),
    "B003": _quality(
        "MEDIUM", "The environment of child processes does not change.", "Call os.environ.clear()."
    ),
    "B005": _quality(
        "MEDIUM",
        "It takes away any of these characters, not this text.",
        "Use removeprefix or removesuffix.",
        "strip() is called with several characters",
    ),
    "B006": _quality(
        "MEDIUM",
        "The default is made once and shared by all calls, so one call sees what another put in.",
        "Use None as the default, and make the value inside.",
    ),
    "B012": _quality(
        "HIGH", "It swallows the exception that is under way.", "Move it behind the finally block."
    ),
    "B015": _quality("MEDIUM", "The comparison has no effect.", "Assign it, assert it, or take it away."),
    "B017": _quality(
        "LOW", "The test passes whatever goes wrong.", "Expect the one exception that is meant."
    ),
    "B018": _quality(
        "LOW", "The expression has no effect; perhaps a call is missing.", "Use its value or remove it."
    ),
    "B020": _quality("MEDIUM", "The loop loses what it goes over.", "Give the loop's variable another name."),
    "B021": _quality("LOW", "It is no docstring.", "Write it without the f."),
    "B022": _quality("MEDIUM", "Nothing is suppressed.", "Name the exceptions."),
    "B023": _quality(
        "MEDIUM",
        "When it is called later it sees the last value of the loop.",
        "Bind it as a default argument.",
    ),
    "B025": _quality("MEDIUM", "The second handler never runs.", "Remove one of them."),
    "B026": _quality("LOW", "The order of the arguments is not what it seems.", "Put the star first."),
    "B029": _quality("MEDIUM", "It catches nothing.", "Name the exceptions."),
    "B030": _quality("HIGH", "It fails just when an exception is to be handled.", "Name exception classes."),
    "B031": _quality("MEDIUM", "A group can be read once: later it is empty.", "Make a list of it first."),
    "B032": _quality(
        "MEDIUM", "It only annotates and assigns nothing.", "Write = in the place of the colon."
    ),
    "B035": _quality(
        "MEDIUM", "Every turn overwrites the last.", "Use the loop's variable.", "The key is always the same"
    ),
    "B039": _quality(
        "MEDIUM", "All contexts share the one value.", "Use None as the default, and make the value later."
    ),
    "PLE0100": _quality("HIGH", _CRASHES, "Make it a plain function."),
    "PLE0101": _quality("HIGH", _CRASHES, "Return nothing from __init__."),
    "PLE0116": _quality("HIGH", _CRASHES, "Move it out of finally."),
    "PLE0117": _quality("HIGH", _CRASHES, "Define the name in an outer function."),
    "PLE0241": _quality("HIGH", _CRASHES, "Name each base once."),
    "PLE0302": _quality("HIGH", _CRASHES, "Give the method the arguments that Python passes."),
    "PLE0307": _quality("HIGH", _CRASHES, "Return a str."),
    "PLE0604": _quality(
        "MEDIUM", _CRASHES, "Put strings into __all__.", "__all__ holds something that is no string"
    ),
    "PLE0704": _quality(
        "LOW",
        "It works only while a caller handles an exception; otherwise it raises RuntimeError.",
        "Name what is raised, or raise in the handler itself.",
    ),
    "PLE1142": _quality("HIGH", _CRASHES, "Make the function async."),
    "PLE1205": _quality("MEDIUM", "The line is never logged.", "Give as many values as the format asks for."),
    "PLE1206": _quality("MEDIUM", "The line is never logged.", "Give as many values as the format asks for."),
    "PLE1307": _quality("HIGH", _FORMAT, "Give a value of the type that the format asks for."),
    "PLE1310": _quality(
        "MEDIUM", "It takes away characters, not a text.", "Use removeprefix or removesuffix."
    ),
    "PLE1519": _quality("HIGH", _CRASHES, "Use functools.singledispatchmethod."),
    "PLE1520": _quality("HIGH", _CRASHES, "Use functools.singledispatch."),
    "PLW0120": _quality("LOW", "The else always runs.", "Take the else away."),
    "PLW0127": _quality("LOW", "Nothing changes; perhaps another name was meant.", "Name what was meant."),
    "PLW0128": _quality("MEDIUM", "The first value is lost.", "Give the targets different names."),
    "PLW0129": _quality(
        "MEDIUM", "The assertion never fails, or always.", "Assert what was meant.", "It asserts a constant"
    ),
    "PLW0131": _quality("MEDIUM", "What is assigned is not what it seems.", "Use parentheses."),
    "PLW0133": _quality("HIGH", "An exception is made and not raised.", "Write raise before it."),
    "PLW0177": _quality("MEDIUM", "NaN equals nothing, not even itself.", "Use math.isnan."),
    "PLW0245": _quality("HIGH", _CRASHES, "Write super().", "super is used without being called"),
    "PLW0406": _quality("LOW", "A module that imports itself gets half of it.", "Take the import away."),
    "PLW0711": _quality("HIGH", "It catches only the last one.", "Name the exceptions as a tuple."),
    "PLW1501": _quality(
        "HIGH", _CRASHES, "Use a mode that exists.", "open() is given a mode that does not exist"
    ),
    "PLW1507": _quality("MEDIUM", "The copy changes the real environment.", "Call os.environ.copy()."),
    "PLW1509": _quality(
        "MEDIUM", "preexec_fn can deadlock a process with threads.", "Use start_new_session and the like."
    ),
    "PLW1510": _quality(
        "LOW", "A command that fails goes unnoticed.", "Pass check=True, or look at returncode."
    ),
    "PLW2101": _quality(
        "HIGH", "The lock is released at once and guards nothing.", "Keep the lock where all share it."
    ),
    "PLR0124": _quality("MEDIUM", _ALWAYS, "Compare with what was meant.", "A value is compared with itself"),
    "PLR0133": _quality("MEDIUM", _ALWAYS, "Compare with what was meant.", "Two constants are compared"),
    "RUF006": _quality(
        "MEDIUM",
        "The event loop keeps only a weak reference, so it may vanish half done, its exception with it.",
        "Keep the task and await it, or use a TaskGroup.",
    ),
    "RUF009": _quality("MEDIUM", "All instances share the one value.", "Use field(default_factory=...)."),
    "RUF016": _quality(
        "HIGH", _CRASHES, "Use an index of the right type.", "A sequence is indexed with a wrong type"
    ),
    "RUF024": _quality("MEDIUM", "All keys share the one value.", "Use a dict comprehension."),
    "SIM222": _quality("MEDIUM", _ALWAYS, "Take the constant away.", "This condition is always true"),
    "SIM223": _quality("MEDIUM", _ALWAYS, "Take the constant away.", "This condition is always false"),
    "YTT101": _quality("MEDIUM", "It is wrong from Python 3.10 on.", "Compare sys.version_info."),
    "YTT102": _quality("MEDIUM", "It is wrong from Python 3.10 on.", "Compare sys.version_info."),
    "YTT103": _quality("MEDIUM", "It is wrong from Python 3.10 on.", "Compare sys.version_info."),
    "T100": _quality(
        "MEDIUM",
        "The program stops and waits for a person.",
        "Take it away.",
        "A debugger is left in the code",
    ),
}

_CARE: Mapping[str, Rule] = {
    "E711": _quality("LOW", "A class may define == otherwise.", "Compare with `is None` or `is not None`."),
    "E721": _quality(
        "LOW", "Subclasses are not recognised.", "Use isinstance, or `is` for exactly this type."
    ),
    "E722": _quality(
        "MEDIUM",
        "It catches KeyboardInterrupt, SystemExit and every mistake, too.",
        "Name the exceptions that are expected here.",
        "A bare except catches everything",
    ),
    "F401": _quality("LOW", "It misleads readers, and importing takes time.", "Remove the import."),
    "F402": _quality(
        "MEDIUM", "The import cannot be reached any more.", "Give the loop's variable another name."
    ),
    "F403": _quality(
        "LOW", "Nobody can tell where a name comes from, and new names overwrite old ones.", "Import names."
    ),
    "F541": _quality("LOW", "Perhaps braces are missing.", "Take the f away, or put the value in."),
    "F841": _quality(
        "LOW", "Either it is not needed, or its use was forgotten.", "Use the value, or remove it."
    ),
    "A001": _quality("LOW", "Whoever needs the builtin below gets this.", "Give it another name."),
    "B004": _quality("LOW", "It is true of more than callables.", "Use callable()."),
    "B904": _quality(
        "LOW", "The log shows the new exception as an accident of the old.", "Write `raise ... from error`."
    ),
    "RET502": _quality(
        "LOW", "Readers cannot tell whether None is an answer.", "Return a value explicitly everywhere."
    ),
    "TRY203": _quality("LOW", "The handler only raises again.", "Take the try away."),
    "SIM115": _quality(
        "MEDIUM",
        "If anything fails before it is closed, the file stays open and what was written may be lost.",
        "Open it in a `with` statement.",
        "A file is opened outside of a with statement",
    ),
    "DTZ001": _quality("LOW", _UTC, "Pass tzinfo."),
    "DTZ003": _quality(
        "MEDIUM", _UTC, "Call datetime.now(tz=UTC).", "utcnow() answers a time without a zone"
    ),
    "DTZ004": _quality(
        "MEDIUM",
        _UTC,
        "Call datetime.fromtimestamp(..., tz=UTC).",
        "utcfromtimestamp() answers a time without a zone",
    ),
    "DTZ005": _quality("LOW", _UTC, "Pass tz.", "now() is called without a zone"),
    "DTZ006": _quality("LOW", _UTC, "Pass tz.", "fromtimestamp() is called without a zone"),
    "FAST003": _quality(
        "MEDIUM", "The route's parameter reaches nobody.", "Add the parameter to the function."
    ),
}

_SLOW: Mapping[str, Rule] = {
    "PERF101": _performance("LOW", _COPY, "Go over the thing itself."),
    "PERF102": _performance("LOW", "It fetches what is not used.", "Use keys() or values()."),
    "PERF401": _performance(
        "LOW", "A comprehension is faster and says what is meant.", "Use a comprehension or extend()."
    ),
    "PERF402": _performance("LOW", "Copying one by one is slower.", "Use list() or extend()."),
    "PERF403": _performance(
        "LOW", "A comprehension is faster and says what is meant.", "Use a dict comprehension."
    ),
    "C414": _performance("LOW", _COPY, "Take the inner call away."),
    "C419": _performance(
        "LOW", "Everything is computed before any or all may stop early.", "Take the brackets away."
    ),
    "B019": _performance(
        "MEDIUM",
        "The cache keeps every instance alive for ever.",
        "Cache in the instance, or use a function of values.",
    ),
    "RUF015": _performance("LOW", _COPY, "Use next(iter(...)).", "A list is built to take its first element"),
    "ASYNC105": _performance("HIGH", "It never runs.", "Await it."),
    "ASYNC110": _performance("LOW", "Polling is late or busy.", "Wait for an Event or a Condition."),
    "ASYNC210": _performance("HIGH", _BLOCKS, "Use an async HTTP client, or run it in a thread."),
    "ASYNC220": _performance("MEDIUM", _BLOCKS, "Use asyncio.create_subprocess_exec."),
    "ASYNC221": _performance("MEDIUM", _BLOCKS, "Use asyncio.create_subprocess_exec."),
    "ASYNC222": _performance("MEDIUM", _BLOCKS, "Use asyncio.create_subprocess_exec."),
    "ASYNC230": _performance("LOW", _BLOCKS, "Read and write in a thread (asyncio.to_thread)."),
    "ASYNC250": _performance("MEDIUM", _BLOCKS, "Read in a thread (asyncio.to_thread)."),
    "ASYNC251": _performance("HIGH", _BLOCKS, "Await asyncio.sleep."),
}

RULES: Mapping[str, Rule] = {**_WRONG, **_CARE, **_SLOW}
