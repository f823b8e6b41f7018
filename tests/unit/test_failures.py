"""Why a flow failed, in one sentence, and whether trying again can help."""

import pytest
from pyspark.errors import AnalysisException, PySparkException, StreamingQueryException

from livetables.errors import DefinitionError, UnreachableError
from livetables.spark.failures import Failure, describe

VIOLATION = (
    "[EXPECTATION_VIOLATION.VERBOSITY_ALL] Flow 'silver' failed to meet the expectation. Violated expectations: "
    "'positive'. Input data: '{\"id\":-1}'. Output record: '{\"id\":-1}'. Missing input data: false"
)


class Java:
    """What py4j gives for an exception of the JVM: its class, its message and its cause."""

    def __init__(self, name, message, cause=None):
        self.name, self.message, self.cause = name, message, cause

    def getClass(self):  # noqa: N802 (a name of Java or Spark)
        """Return the class, which is this object too."""
        return self

    def getSimpleName(self):  # noqa: N802 (a name of Java or Spark)
        """Return the name of the class."""
        return self.name

    def getMessage(self):  # noqa: N802 (a name of Java or Spark)
        """Return the message."""
        return self.message

    def getCause(self):  # noqa: N802 (a name of Java or Spark)
        """Return the cause."""
        return self.cause


def raised_in_the_jvm(*chain):
    """Return the Python exception of a chain of (class, message) in the JVM, the outermost first."""
    origin = None
    for name, message in reversed(chain):
        origin = Java(name, message, origin)
    error = StreamingQueryException(chain[0][1])
    error._livetables_origin = origin
    return error


WRAPPER = ("StreamingQueryException", "[STREAM_FAILED] Query [id = 1] terminated with exception: Job aborted")
TASK = ("SparkException", "Job aborted due to stage failure: Task 0 in stage 1.0 failed 1 times\n\tat a.b(C.scala:1)")


@pytest.mark.shows("A flow that failed by an expectation is not retried")
@pytest.mark.parametrize(
    "error",
    [
        ValueError(f"Job aborted: {VIOLATION}. SQLSTATE: 38000\n\tat a.b(C.scala:1)"),
        raised_in_the_jvm(WRAPPER, TASK, ("SparkRuntimeException", f"[USER_RAISED] {VIOLATION} SQLSTATE: P0001")),
    ],
    ids=["plain", "wrapped"],
)
def test_a_violated_expectation_is_said_as_the_platform_says_it(error):
    """With flow, rule and record, and nothing around it; the same rows would fail again."""
    assert describe(error) == Failure(VIOLATION, retryable=False)


def test_a_record_may_hold_any_text():
    """Also the words that end the message, and several lines."""
    text = VIOLATION.replace('{"id":-1}', "Missing input data: true\nx")
    assert describe(ValueError(text)).message == text


def test_the_first_cause_is_what_is_said():
    """Not the wrappers of Spark's scheduler and streaming engine, and no frames."""
    error = raised_in_the_jvm(WRAPPER, TASK, ("FileNotFoundException", "part-1 does not exist\nIt may be gone."))
    assert describe(error) == Failure("FileNotFoundException: part-1 does not exist", retryable=True)


def test_a_cause_with_a_condition_of_its_own_stands_alone():
    """The condition says more than the class; the SQLSTATE says nothing to a user."""
    cause = ("ArithmeticException", "[DIVIDE_BY_ZERO] Division by zero. SQLSTATE: 22012")
    error = raised_in_the_jvm(WRAPPER, TASK, cause)
    assert describe(error) == Failure("[DIVIDE_BY_ZERO] Division by zero.", retryable=False)


def test_words_may_begin_on_the_second_line():
    """As those of Spark's parser do."""
    error = raised_in_the_jvm(("ParseException", "\n[PARSE_SYNTAX_ERROR] Syntax error. SQLSTATE: 42601\n== SQL =="))
    assert describe(error).message == "[PARSE_SYNTAX_ERROR] Syntax error."


def test_a_cause_without_words_is_passed_over():
    """The nearest cause that says something counts."""
    error = raised_in_the_jvm(WRAPPER, ("IOException", "disk full"), ("InterruptedException", None))
    assert describe(error) == Failure("IOException: disk full", retryable=True)


READING = "[FAILED_READ_FILE.NO_HINT] Encountered error while reading file {}. SQLSTATE: KD001"
FOOTER = READING.replace("NO_HINT", "CANNOT_READ_FILE_FOOTER").replace("SQLSTATE", "No footer. Fix it. SQLSTATE")
MALFORMED = "[MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION] No record. SQLSTATE: 22023"


@pytest.mark.parametrize(
    ("causes", "file", "why"),
    [
        (
            [READING.format("file:///in/1.json.gz"), "Unexpected end of input stream"],
            "/in/1.json.gz",
            ": Unexpected end of input stream.",
        ),
        ([READING.format("file:/in/a%20b%25.gz"), "bad\nworse"], "/in/a b%.gz", ": bad."),
        (
            [READING.format("s3a://lake/in/1.json"), MALFORMED],
            "s3a://lake/in/1.json",
            ": [MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION] No record.",
        ),
        ([FOOTER.format("file:///in/1.parquet")], "/in/1.parquet", ": No footer. Fix it."),
        ([READING.format("file:///in/1.json.gz"), None], "/in/1.json.gz", "."),
        (
            [f"Task 0 failed: SparkException: {READING.format('file:///in/1.gz')}\n\tat a.b", "cut off."],
            "/in/1.gz",
            ": cut off.",
        ),
    ],
    ids=["local", "encoded", "elsewhere", "hint", "no words", "in a text"],
)
def test_a_file_that_spark_could_not_read_is_named_with_what_is_wrong_with_it(causes, file, why):
    """One tells which file to look at, the other what to look for; the file may be whole at the next try."""
    error = raised_in_the_jvm(WRAPPER, TASK, *(("EOFException", message) for message in causes))
    assert describe(error) == Failure(f"[FAILED_READ_FILE] {file} can't be read{why}", retryable=True, file=file)


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (UnreachableError("BROKER_UNREACHABLE", "No broker."), True),
        (DefinitionError("NOT_A_DATAFRAME", "It returned None."), False),
        (AnalysisException("[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column can't be resolved."), False),
        (StreamingQueryException("[DELTA_SOURCE_TABLE_IGNORE_CHANGES] A row was updated."), False),
        (PySparkException("[TABLE_OR_VIEW_NOT_FOUND] The table is not there."), False),
        (raised_in_the_jvm(("SparkException", "Job aborted"), ("X", "[CAST_INVALID_INPUT] 'a' is no BIGINT.")), False),
        (TypeError("unsupported operand"), False),
        (AttributeError("no attribute 'x'"), False),
        (NameError("name 'x' is not defined"), False),
        (OSError("disk full"), True),
        (StreamingQueryException("Connection reset by peer"), True),
        (PySparkException("Executor lost"), True),
    ],
)
def test_only_what_may_pass_is_tried_again(error, retryable):
    """Rows, query and table are the same at the next try; a server or a disk may be better by then."""
    assert describe(error).retryable == retryable


def test_a_source_with_new_columns_is_told_from_a_failure():
    """Another update can read what this one can't."""
    error = raised_in_the_jvm(("StreamingQueryException", "Job aborted"), ("X", "[DELTA_SCHEMA_CHANGED] It has id, v."))
    assert (describe(error).new_schema, describe(OSError("disk full")).new_schema) == (True, False)


def test_an_error_of_ours_keeps_its_code_and_its_hint():
    """The event log is all that is left of an update that failed at night."""
    error = UnreachableError("BROKER_UNREACHABLE", "No broker answers.", hint="Start it.")
    assert describe(error).message == "[BROKER_UNREACHABLE] No broker answers. Start it."


def test_an_error_of_user_code_names_its_class():
    """As Python does, in one line."""
    assert describe(ValueError("no\nrules")).message == "ValueError: no rules"


def test_an_error_of_user_code_says_where_it_was_raised(tmp_path):
    """By the last line in a file of the user's; those of Python and of its packages do not help."""
    source = "import json\n\ndef write(frame, number):\n    json.loads('no')\n"
    names = {}
    exec(compile(source, str(tmp_path / "sinks.py"), "exec"), names)
    with pytest.raises(ValueError, match="Expecting value") as caught:
        names["write"](None, 0)
    assert describe(caught.value).message == "JSONDecodeError: Expecting value: line 1 column 1 (char 0) (sinks.py:4)"


def test_an_exception_that_pyspark_has_no_class_for_says_its_first_cause():
    """It comes as py4j's own, whose text names calls of the JVM and a whole stack."""

    class CallError(Exception):
        java_exception = Java(*TASK, Java("SparkRuntimeException", "[USER_RAISED_EXCEPTION] no login", None))

    failure = describe(CallError("An error occurred while calling o7.save."))
    assert failure.message == "[USER_RAISED_EXCEPTION] no login"
