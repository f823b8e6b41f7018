"""Auto Loader's options: which are its own, which are the format's, and what is said about the rest."""

import pytest

from livetables.errors import LivetablesError, SettingsError
from livetables.execute.autoloader import FORMATS, NOT_HERE, _format, _must_exist, _say_options, _split


def said(own):
    """Return what is warned about with these options."""
    warnings = []
    _say_options(own, lambda code, message: warnings.append((code, message)))
    return warnings


def test_its_own_options_are_told_from_those_of_the_format():
    """The prefix may be written in any case; the path is an argument, not an option of the format."""
    options = {
        "cloudFiles.format": "csv", "CLOUDFILES.MaxFilesPerTrigger": "5", "header": "false", "sep": ";", "path": "/x",
    }  # fmt: skip
    assert _split(options) == ({"format": "csv", "maxfilespertrigger": "5"}, {"header": "false", "sep": ";"})


@pytest.mark.parametrize(
    ("given", "format_"), [*((name, name) for name in FORMATS), ("JSON", "json"), ("BINARYFILE", "binaryFile")],
)  # fmt: skip
def test_a_format_may_be_written_in_any_case(given, format_):
    """Spark's own readers take it so."""
    assert _format({"format": given}) == format_


@pytest.mark.parametrize(
    ("own", "says", "hint"),
    [
        ({}, "is missing", "Use one of avro, binaryFile, csv, json, orc, parquet, text, xml."),
        ({"format": "jsno"}, "is 'jsno'", "Did you mean 'json'?"),
        ({"format": "delta"}, "is 'delta'", "Use one of avro, binaryFile, csv, json, orc, parquet, text, xml."),
    ],
)
def test_a_missing_or_unknown_format_is_refused(own, says, hint):
    """With the nearest one that Auto Loader reads."""
    with pytest.raises(SettingsError, match=says) as caught:
        _format(own)
    assert (caught.value.code, caught.value.problem.hint) == ("WRONG_VALUE", hint)


@pytest.mark.parametrize("option", sorted(NOT_HERE))
def test_an_option_that_would_change_the_rows_is_refused(option):
    """A run that leaves it out would give other rows than the platform."""
    with pytest.raises(LivetablesError, match=f"cloudFiles.{option}=x") as caught:
        said({option: "x"})
    assert caught.value.code == "NOT_SUPPORTED"


@pytest.mark.parametrize(
    "own",
    [
        {"format": "json", "infercolumntypes": "true", "maxfilespertrigger": "1", "maxbytespertrigger": "1g"},
        {"usenotifications": "true", "region": "eu", "schemalocation": "/x", "backfillinterval": "1 day"},
        {"schemaevolutionmode": "none", "includeexistingfiles": "true", "cleansource": "OFF"},
        {"allowoverwrites": "false"},
    ],
)
def test_what_works_or_has_nothing_to_do_here_is_not_warned_about(own):
    """Options about cloud notifications have no meaning on a file system, and defaults change nothing."""
    assert said(own) == []


def test_an_unknown_option_is_said_aloud():
    """A misspelt option must not be ignored in silence."""
    assert said({"maxfilespertriger": "1"}) == [
        ("UNKNOWN_OPTION", "The option cloudFiles.maxfilespertriger is not known and has no effect."),
    ]


@pytest.mark.parametrize("prefix", ["", "file:", "file://"])
def test_a_missing_folder_is_named_with_the_command_that_makes_it(tmp_path, prefix):
    """Spark would say it later, and in more words."""
    with pytest.raises(LivetablesError) as caught:
        _must_exist(f"{prefix}{tmp_path}/landing")
    problem = caught.value.problem
    assert (problem.code, f"{tmp_path}/landing" in problem.message) == ("LANDING_FOLDER_NOT_FOUND", True)
    assert f"mkdir -p {tmp_path}/landing" in problem.hint


@pytest.mark.parametrize("path", ["{tmp}", "file:{tmp}", "file://{tmp}", "{tmp}/*/x-*.json", "{tmp}/{{a,b}}", "s3://b"])
def test_what_exists_or_is_looked_up_later_is_left_to_spark(tmp_path, path):
    """A pattern may match nothing yet, and a bucket is asked when it is read."""
    assert _must_exist(path.format(tmp=tmp_path)) is None
