"""Reads and writes of a real S3 server on 127.0.0.1: only Spark can show what s3a makes of it."""

import time

import pytest

from dev.servers.s3 import SECRET_KEY, client, running_store, settings_of
from livetables.errors import GraphError
from livetables.jars import s3_jars
from livetables.spark.object_stores import ObjectStores

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return the endpoint of an S3 server."""
    with running_store(tmp_path_factory.mktemp("s3")) as endpoint:
        yield endpoint


def loader(path, source="cloudFiles"):
    """Return a pipeline that streams JSON from a path, with the paths of the files."""
    return f"""
        import dlt
        @dlt.table
        def drops():
            reader = spark.readStream.format("{source}").option("cloudFiles.format", "json").schema("id INT")
            return reader.load("{path}").selectExpr("id", "_metadata.file_path AS file")
        """


def diagnostic_of(bench, path, **options):
    """Return the one problem of a pipeline that loads from `path`."""
    [file] = bench.write(loader=loader(path))
    with bench.pipeline(file, **options) as pipeline, pytest.raises(GraphError) as caught:
        _ = pipeline.graph
    [diagnostic] = caught.value.diagnostics
    return diagnostic


def test_auto_loader_and_batch_reads_follow_a_bucket(bench, spark, store, monkeypatch):
    """The settings are the pipeline's own, with its secrets; s3:// is s3a://, and each file is read once."""
    client(store).create_dir("lake")
    [path] = bench.write(
        lake=loader("/Volumes/main/landing/*/drops")
        + """
        @dlt.table
        def all_drops():
            return spark.read.json("s3a://lake/landing/*/drops").select("id")
        @dlt.table
        def copied():
            return spark.readStream.format("json").schema("id INT").load("s3a://lake/landing/2026/drops")
        """
    )
    monkeypatch.setenv("LIVETABLES_SECRET_AWS_SECRET", SECRET_KEY)
    conf = settings_of(store, "lake") | {"spark.hadoop.fs.s3a.bucket.lake.secret.key": "{{secrets/aws/secret}}"}
    options = {"overrides": conf, "path_map": {"/Volumes/main/landing": "s3://lake/landing"}}

    with bench.pipeline(path, **options) as pipeline:
        target = "s3a://lake/landing/2026/drops"
        pipeline.spark.range(3).repartition(2).write.json(target)
        assert "COMPLETED" == pipeline.run().state
        pipeline.spark.range(3, 5).coalesce(1).write.mode("append").json(target)
        assert "COMPLETED" == pipeline.run().state
        files = {row.file_path for row in pipeline.spark.read.json(target).select("_metadata.file_path").collect()}

    assert [(number,) for number in range(5)] == bench.table("drops", "id")
    assert [(number,) for number in range(5)] == bench.table("all_drops", "id")
    assert [(number,) for number in range(5)] == bench.table("copied", "id")
    assert {file.replace("s3a://", "s3://") for file in files} == {file for (file,) in bench.table("drops", "file")}
    assert spark.conf.get("fs.s3a.bucket.lake.secret.key", None) is None


def test_an_unreachable_store_is_named_with_host_port_and_cause(bench):
    """Before s3a has tried for minutes; the place is the line that reads."""
    started = time.monotonic()
    diagnostic = diagnostic_of(bench, "s3://gone/landing", overrides=settings_of("http://127.0.0.1:9", "gone"))
    assert ("STORE_UNREACHABLE", 6) == (diagnostic.code, diagnostic.location.line)
    assert "No object store answers at http://127.0.0.1:9: connection refused." == diagnostic.message
    assert time.monotonic() - started < 10


def test_a_missing_bucket_and_a_wrong_key_are_one_sentence(bench, store):
    """They say which bucket, and what the store says of the key."""
    client(store).create_dir("locked")
    diagnostic = diagnostic_of(bench, "s3a://nowhere/in", overrides=settings_of(store, "nowhere"))
    assert ("BUCKET_NOT_FOUND", f"There is no bucket 'nowhere' at {store}.") == (diagnostic.code, diagnostic.message)
    conf = settings_of(store, "locked") | {"spark.hadoop.fs.s3a.bucket.locked.secret.key": "other"}
    diagnostic = diagnostic_of(bench, "s3a://locked/in/*.json", overrides=conf)
    assert "STORE_ACCESS_DENIED" == diagnostic.code
    assert diagnostic.message.startswith(f"{store} refuses access to s3a://locked/in/*.json")


def test_a_store_without_jars_is_refused_with_the_way_to_them(bench):
    """Only S3 can be set up here, which the error of another store says."""
    diagnostic = diagnostic_of(bench, "abfss://box@account.dfs.core.windows.net/in")
    assert "FILE_SYSTEM_NOT_SET_UP" == diagnostic.code
    assert "only S3 is set up" in diagnostic.message


def test_folders_in_a_bucket_are_renamed_and_large_objects_come_in_parts(spark, store):
    """Delta, Parquet and Auto Loader's own moves need it: folders with markers, and copies of parts."""
    client(store).create_dir("parts")
    jvm = spark._jvm
    hadoop = jvm.org.apache.hadoop
    conf = hadoop.conf.Configuration(spark._jsc.hadoopConfiguration())
    for key, value in settings_of(store, "parts").items():
        conf.set(key.removeprefix("spark.hadoop."), value)
    conf.set("fs.s3a.bucket.parts.multipart.size", "5M")
    conf.set("fs.s3a.bucket.parts.multipart.threshold", "5M")
    path = hadoop.fs.Path
    system = hadoop.fs.FileSystem.newInstance(path("s3a://parts/").toUri(), conf)
    try:
        system.mkdirs(path("s3a://parts/a/empty"))
        stream = system.create(path("s3a://parts/a/b/large"))
        for _ in range(11):
            stream.write(bytearray(1 << 20))
        stream.close()
        assert system.rename(path("s3a://parts/a"), path("s3a://parts/z"))
        assert not system.exists(path("s3a://parts/a"))
        assert 11 << 20 == system.getFileStatus(path("s3a://parts/z/b/large")).getLen()
        assert ["s3a://parts/z/b", "s3a://parts/z/empty"] == sorted(
            str(one.getPath()) for one in system.listStatus(path("s3a://parts/z"))
        )
    finally:
        system.close()


def test_a_bucket_is_looked_at_once(spark, store):
    """What was good is not asked again: a continuous pipeline opens its sources often."""
    client(store).create_dir("once")
    values = {key.removeprefix("spark.hadoop."): value for key, value in settings_of(store, "once").items()}
    stores = ObjectStores(spark)
    for key, value in values.items():
        spark.conf.set(key, value)
    try:
        stores.check("s3a://once/in")
        spark.conf.set("fs.s3a.bucket.once.endpoint", "http://127.0.0.1:9")
        stores.check("s3a://once/other")
    finally:
        for key in values:
            spark.conf.unset(key)


def test_the_jars_of_s3_are_among_those_of_the_session(spark):
    """Once they are downloaded, every session has them."""
    classes = spark.conf.get("spark.driver.extraClassPath")
    assert all(str(jar) in classes for jar in s3_jars())
