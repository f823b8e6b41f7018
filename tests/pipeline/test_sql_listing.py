"""The listing that the project began with: a sensor pipeline in the oldest DLT SQL, as it was written."""

import json
import threading
from pathlib import Path

import pytest
from confluent_kafka import Producer

from livetables.storage.layout import Storage
from livetables.storage.stored import select

pytestmark = [pytest.mark.pipeline, pytest.mark.kafka]
LISTING = Path(__file__).parent / "sql" / "listing.sql"
DEVICES, READINGS, PATIENCE = 5, 200, 120
MINUTE = 1_782_041_400_000  # 2026-06-21T11:30:00Z, in milliseconds


def send(servers, devices, number):
    """Send readings of one minute, in turn by these devices: d0 is hot, and its first temperature is no number."""
    producer = Producer({"bootstrap.servers": servers})
    for index in range(number):
        device = devices[index % len(devices)]
        temperature = ("n/a" if index == 0 else 35.5) if device == "d0" else 21.5
        reading = {"device_id": device, "temperature": temperature, "humidity": 40}
        producer.produce("sensors", json.dumps(reading), timestamp=MINUTE + index)
    producer.flush(30)


@pytest.mark.shows(
    "Older forms: `LIVE TABLE` and `LIVE VIEW`, also with `STREAMING`; `INCREMENTAL LIVE TABLE`",
    "`CREATE TABLE` with the property `delta.live.table` is a streaming table of the pipeline",
    "Without `STREAM`, a source is read as a batch, and a streaming table needs a stream",
    "The same over a table in complete mode, which cannot be the source of a stream",
    "``kafka.`topic` OPTIONS (...)``",
)
def test_the_listing_runs_as_it_was_written(broker, bench):
    """On a real broker, in continuous mode: each reading sent after the start is in all tables, and none before it."""
    came, done, stop = threading.Event(), threading.Event(), threading.Event()
    table = Storage(bench.storage).table

    def listen(event):
        flow, details = event.origin.get("flow_name"), event.details
        if event.event_type != "flow_progress" or "metrics" not in details:
            return
        if flow == "sensor_data_bronze":
            came.set()
        rows = "SELECT device_id FROM this WHERE device_id <> 'probe'"
        if flow == "sensor_data_enriched" and len(select(rows, table(flow))) == DEVICES:
            done.set()

    def act():
        while not (came.wait(0.5) or stop.is_set()):  # 'latest' is what is newest when the first batch is planned
            send(broker, ["probe"], 1)
        send(broker, [f"d{number}" for number in range(DEVICES)], READINGS)
        done.wait(PATIENCE)
        stop.set()

    text = LISTING.read_text()
    for placeholder, value in {
        "<KAFKA_TOPIC_URL>": "sensors",
        "<KAFKA_BOOTSTRAP_SERVERS>": broker,
        "<KAFKA_TOPIC>": "sensors",
    }.items():
        text = text.replace(placeholder, value)
    path = bench.folder / "listing.sql"
    path.write_text(text)
    send(broker, ["before"], READINGS)
    actor = threading.Thread(target=act)
    actor.start()
    try:
        conf = {"pipelines.trigger.interval": "1 second"}
        with bench.pipeline(path, continuous=True, overrides=conf) as pipeline:
            state = pipeline.run(stop=stop, on_event=listen)
            warned = {(warning.code, warning.location.line) for warning in pipeline.warnings}
    finally:
        stop.set()
        actor.join()
    assert done.is_set(), state
    counts = {
        name: len(select("SELECT * FROM this", table(name)))
        for name in ("sensor_data_raw", "sensor_data_bronze", "parsed_sensor_data", "sensor_data_silver")
    }
    probes = len(select("SELECT * FROM this WHERE device_id = 'probe'", table("sensor_data_silver")))
    rows = READINGS + probes
    assert {
        "sensor_data_raw": 0,
        "sensor_data_bronze": rows,
        "parsed_sensor_data": rows,
        "sensor_data_silver": rows,
    } == counts
    in_order = "SELECT * FROM this WHERE device_id <> 'probe' ORDER BY device_id"
    enriched = select(in_order, table("sensor_data_enriched")).to_pylist()
    assert [("d0", 35.5, "High"), *((f"d{number}", 21.5, "Normal") for number in range(1, DEVICES))] == [
        (row["device_id"], row["avg_temperature"], row["temperature_status"]) for row in enriched
    ]
    assert {MINUTE} == {int(row["minute"].timestamp() * 1000) for row in enriched}
    # None of its reads has STREAM; the last is of a table that each batch rewrites, so it is recomputed.
    assert {*(("STREAM_MISSING", line) for line in (17, 29, 38, 47)), ("RECOMPUTED_TABLE", 58)} == warned
