"""Which files belong to a load path."""

import os

import pytest

from livetables.autoloader.find.globs import expand, matches
from livetables.autoloader.find.hadoop import HadoopTree, Status, belongs, parsed
from livetables.autoloader.find.listing import Found, LocalTree, Selection
from livetables.errors import SettingsError
from livetables.storage.locations import local_path
from tests.unit.trees import Watch, put, seen


class TestSelection:
    """Which files belong to a load path."""

    @pytest.mark.shows("Files and folders whose names begin with `_` or `.` are skipped")
    def test_hidden_files_and_folders_are_skipped(self, root):
        """At any depth: `_` and `.` begin what is no data, and `._COPYING_` ends what Hadoop is still copying."""
        put(root, "a", "_b", ".c", "x/_d/e", "x/.f/g", "x/_h=1/i", "j._COPYING_", "x_/k_")
        assert seen(root) == ["a", "x_/k_"]

    def test_a_load_path_may_be_hidden_itself(self, tmp_path):
        """What the user names is read; the rule is about what lies below."""
        put(tmp_path, "_x/in/a", "_x/in/_b")
        assert seen(tmp_path / "_x" / "in") == ["a"]
        assert seen(tmp_path / "_x" / "in" / "_b") == ["_b"]

    def test_empty_files_are_files(self, root):
        """They have no rows, but the ledger accounts for them."""
        put(root, "a", text="")
        assert seen(root) == ["a"]

    @pytest.mark.shows(
        "`*` in the path may match several folders, unless `useStrictGlobber` is true", options=["useStrictGlobber"]
    )
    @pytest.mark.parametrize(
        ("glob", "names"),
        [
            ("*", ["a.json", "b.csv", "one/c.json", "one/deep/d.json", "two/e.csv"]),
            ("*.json", ["a.json"]),
            ("*/*.json", ["one/c.json"]),
            ("one", ["one/c.json", "one/deep/d.json"]),
            ("one/", ["one/c.json", "one/deep/d.json"]),
            ("*/deep", ["one/deep/d.json"]),
            ("o*/d*/*", ["one/deep/d.json"]),
            ("{one,two}", ["one/c.json", "one/deep/d.json", "two/e.csv"]),
            ("{one/deep,two}/*", ["one/deep/d.json", "two/e.csv"]),
            ("{a.json,b.*,absent}", ["a.json", "b.csv"]),
            ("[ab].*", ["a.json", "b.csv"]),
            ("[^a].*", ["b.csv"]),
            ("_h*/*", ["_hidden/f"]),
            ("a.json", ["a.json"]),
            ("x*", []),
        ],
    )
    def test_globs_in_the_load_path(self, root, glob, names):
        """Hadoop's globs; a folder that a glob matches is read with all below it."""
        put(root, "a.json", "b.csv", "one/c.json", "one/deep/d.json", "two/e.csv", "_hidden/f")
        assert seen(f"{root}/{glob}") == names

    def test_a_glob_is_watched(self, root, watch):
        """Folders and files that match later are found later; what does not match is never entered."""
        watch.tree.path = watch.tree._plain = f"{root}/day=*/part-*"
        put(root, "day=1/part-1", "day=1/other", "night=1/part-1")
        assert watch.look() == ["day=1/part-1"]
        assert (watch.look(), watch.listed) == ([], [])
        put(root, "day=1/part-2", "day=2/part-1", "night=1/part-2")
        assert sorted(watch.look()) == ["day=1/part-2", "day=2/part-1"]
        assert str(root / "night=1") not in watch.listed

    def test_a_single_file(self, root):
        """A load path may be one file: it is found once."""
        put(root, "a", "b")
        watch = Watch(root)
        watch.tree.path = watch.tree._plain = f"{root}/a"
        assert (watch.look(), watch.look()) == (["a"], [])
        watch.ledger.close()

    def test_names_may_be_restricted(self, root):
        """The options pathGlobFilter and fileNamePattern are about the file's name, not about folders."""
        put(root, "a.json", "b.csv", "x.d/c.json", "x.d/d.txt")
        assert seen(root, Selection(name_glob="*.{json,txt}")) == ["a.json", "x.d/c.json", "x.d/d.txt"]

    def test_folders_may_be_left_out(self, root):
        """Without recursion, the folders that the load path names are read, and none below them."""
        put(root, "a", "x/b", "x/y/c")
        assert seen(root, Selection(recursive=False)) == ["a"]
        assert seen(f"{root}/*", Selection(recursive=False)) == ["a", "x/b"]

    def test_times_may_be_restricted(self, root):
        """The options modifiedAfter and modifiedBefore take what lies between, without the limits themselves."""
        put(root, *"abcd")
        for seconds, name in enumerate("abcd"):
            os.utime(root / name, (seconds, seconds))
        assert seen(root, Selection(modified_after=0, modified_before=3000)) == ["b", "c"]

    @pytest.mark.parametrize(
        ("given", "meant"),
        [
            ("/in/a b", "/in/a b"),
            ("file:/in", "/in"),
            ("file:///in/", "/in"),
            ("/in//x/../y", "/in/y"),
            ("s3a://bucket/in", None),
            ("dbfs:/in", None),
        ],
    )
    def test_which_paths_are_local(self, given, meant):
        """All others are asked of Hadoop."""
        assert local_path(given) == meant

    def test_paths_are_named_as_spark_names_them(self, root):
        """With scheme, and unescaped; size in bytes, time in milliseconds."""
        put(root, "a b%20ü.json", text="12345")
        os.utime(root / "a b%20ü.json", ns=(0, 1_700_000_000_123_456_789))
        tree = LocalTree(f"file:{root}/", known=lambda _folder: ())
        assert tree.look().found == [Found(f"file://{root}/a b%20ü.json", 5, 1_700_000_000_123)]


class TestGlobs:
    """Hadoop's globs."""

    @pytest.mark.parametrize(
        ("pattern", "name", "fits"),
        [
            ("*.json", "a.json", True),
            ("*.json", "a.jsonl", False),
            ("?.json", "ab.json", False),
            ("[a-c]x", "bx", True),
            ("[!a-c]x", "bx", False),
            ("[^a-c]x", "dx", True),
            ("[a.]", ".", True),
            ("a+b(c)$", "a+b(c)$", True),
            ("a\\*", "a*", True),
            ("a\\*", "ab", False),
            ("[", "[", True),
            ("x{a,b{c,d}}y", "xbdy", True),
            ("x{a,b{c,d}}y", "xby", False),
            ("a}", "a}", True),
            ("*", "a\nb", True),
            ("[&&~|]", "|", True),
        ],
    )
    def test_matches(self, pattern, name, fits):
        """As Hadoop's, case counts."""
        assert matches(pattern, name) is fits

    def test_expand(self):
        """Alternatives may hold a slash, and be empty."""
        assert expand("/in/{a/b,c}x{,2}") == ["/in/a/bx", "/in/a/bx2", "/in/cx", "/in/cx2"]

    def test_a_pattern_that_means_nothing(self):
        """It is named, with what can be written."""
        with pytest.raises(SettingsError, match=r"\[z-a\]") as caught:
            matches("[z-a]", "b")
        assert caught.value.code == "WRONG_VALUE"


class TestHadoop:
    """What can be said of other file systems without one."""

    def test_the_text_of_a_list_of_statuses(self):
        """Java renders many files in one call; names may hold what separates them."""
        text = (
            "[LocatedFileStatus{path=s3a://b/in/a, b; c}.json; isDirectory=false; length=12; replication=1; "
            "blocksize=33554432; modification_time=1700000000123; access_time=0; owner=me; group=me; "
            "permission=rw-rw-rw-; isSymlink=false; hasAcl=false; isEncrypted=true; isErasureCoded=false}, "
            "S3AFileStatus{path=s3a://b/in/x; isDirectory=true; modification_time=0; access_time=0; owner=me; "
            "group=me; permission=rwxrwxrwx; isSymlink=false; hasAcl=false; isEncrypted=true; isErasureCoded=false} "
            "isEmptyDirectory=FALSE]"
        )
        assert list(parsed(text)) == [
            Status(Found("s3a://b/in/a, b; c}.json", 12, 1_700_000_000_123), is_folder=False),
            Status(Found("s3a://b/in/x", 0, 0), is_folder=True),
        ]

    @pytest.mark.parametrize(
        ("pattern", "path", "whether"),
        [
            ("s3a://b/in/*", "s3a://b/in/a", True),
            ("s3a://b/in/*", "s3a://b/in/_a", False),
            ("s3a://b/*/a", "s3a://b/.x/a", False),
            ("hdfs:///_in/*", "hdfs://host:8020/_in/a", True),
            ("s3a://b/{x,_y}/*.csv", "s3a://b/_y/a.csv", True),
            ("s3a://b/_a", "s3a://b/_a", True),
        ],
    )
    def test_a_wildcard_matches_no_hidden_name(self, pattern, path, whether):
        """Hadoop's own globs do match it."""
        assert belongs(pattern, path) is whether

    def test_what_a_look_takes(self, monkeypatch):
        """Known files, other names and young files are left out, as on this machine."""
        files = [
            Found(f"s3a://b/in/{name}", 1, modified)
            for name, modified in [("b.json", 2), ("a.json", 2), ("c.csv", 1), ("known.json", 1), ("young.json", 9_500)]
        ]
        monkeypatch.setattr(HadoopTree, "_files", lambda _tree: iter(files))
        tree = HadoopTree(
            None, "s3a://b/in", Selection("*.json"), known={"s3a://b/in": {"known.json"}}.get, now=lambda: 10.0
        )
        look = tree.look()
        assert [one.path[-6:] for one in look.found] == ["a.json", "b.json"]
        assert look.unsettled == ["s3a://b/in/young.json"]
