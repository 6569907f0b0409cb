"""Real Spark, driven over stdin and stdout: a JSON object a line each way. One session, so that the JVM starts once.

run      {shape, checkpoint, input, conf}: runs all input files that the checkpoint has not seen, one a batch -> {batch: [row as JSON]}
state    {checkpoint, batchId, operatorId, storeName | joinSide, snapshot*}: the rows of the state source -> [row as JSON], sorted
changes  {checkpoint, from, to, operatorId, storeName | joinSide}: its change feed -> [row as JSON], sorted
metadata {checkpoint}: the state-metadata source -> [row as JSON], sorted

A failure is {"error": "..."} and the next request may follow. The end of stdin ends the process.
"""

import json
import os
import shutil
import sys
import tempfile

# The protocol has stdout for itself; whatever else writes there goes to stderr.
replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
from pyspark.sql import DataFrame, SparkSession, functions as F  # noqa: E402

classes = sys.argv[1]
scratch = tempfile.mkdtemp(prefix="tidemark-spark-")
spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.memory", "1500m")
    .config("spark.driver.extraClassPath", classes)
    .config("spark.driver.extraJavaOptions", f"-Djava.io.tmpdir={scratch}")
    .config("spark.local.dir", scratch)
    .config("spark.sql.warehouse.dir", os.path.join(scratch, "warehouse"))
    .config("spark.ui.enabled", "false")
    .config("spark.log.level", "ERROR")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.shuffle.partitions", "2")
    .config("spark.sql.streaming.stateStore.minDeltasForSnapshot", "2")
    # Every batch ends with maintenance and begins with reading the files: nothing comes from memory, nothing runs behind a test's back.
    .config("spark.sql.streaming.stateStore.unloadOnCommit", "true")
    # Else the state source asks a coordinator that exists only once a query has run.
    .config("spark.sql.streaming.stateStore.coordinatorReportSnapshotUploadLag", "false")
    .getOrCreate()
)

JSON_OPTIONS = {"ignoreNullFields": "false"}


def json_lines(frame):
    return sorted(row.j for row in frame.select(F.to_json(F.struct("*"), JSON_OPTIONS).alias("j")).collect())


def read(folder):
    return spark.readStream.schema("k string, v long, ts timestamp").option("maxFilesPerTrigger", 1).json(folder)


def watermarked(folder):
    return read(folder).withWatermark("ts", "15 seconds")


def join(folder):
    left = watermarked(os.path.join(folder, "left")).alias("l")
    right = watermarked(os.path.join(folder, "right")).alias("r")
    near = F.expr("l.k = r.k AND r.ts BETWEEN l.ts - INTERVAL 10 SECONDS AND l.ts + INTERVAL 10 SECONDS")
    return left.join(right, near, "left_outer").select(
        F.col("l.k").alias("k"), F.col("l.v").alias("lv"), F.col("r.v").alias("rv"), F.col("l.ts").alias("ts")
    )


def flat_map_groups(folder):
    return DataFrame(spark._jvm.tidemark.interop.Shapes.flatMapGroups(watermarked(folder)._jdf), spark)


SHAPES = {
    "agg": ("update", lambda folder: read(folder).groupBy("k").agg(
        F.count("*").alias("count"), F.sum("v").alias("sum"), F.max("ts").alias("last"), F.avg("v").alias("mean"))),
    "window": ("update", lambda folder: watermarked(folder).groupBy(F.window("ts", "10 seconds"), "k").agg(
        F.count("*").alias("count"), F.sum(F.col("v").cast("decimal(20,2)")).alias("sum"))),
    "dedup": ("append", lambda folder: read(folder).dropDuplicates(["k", "v"])),
    "dedupWithinWatermark": ("append", lambda folder: watermarked(folder).dropDuplicatesWithinWatermark(["k"])),
    "join": ("append", join),
    "session": ("append", lambda folder: watermarked(folder).groupBy(F.session_window("ts", "4 seconds"), "k").agg(
        F.count("*").alias("count"), F.sum("v").alias("sum"))),
    "flatMapGroups": ("update", flat_map_groups),
    "limit": ("append", lambda folder: read(folder).limit(70)),
}


def run(shape, checkpoint, input, conf):
    mode, build = SHAPES[shape]
    batches = {}

    def collect(frame, batch):
        batches[batch] = json_lines(frame)

    for name, value in conf.items():
        spark.conf.set(name, value)
    try:
        query = (
            build(input).writeStream.outputMode(mode).foreachBatch(collect)
            .option("checkpointLocation", checkpoint).trigger(availableNow=True).start()
        )
        query.awaitTermination()
    finally:
        for name in conf:
            spark.conf.unset(name)
    return batches


def source(checkpoint, options):
    reader = spark.read.format("statestore")
    for name, value in options.items():
        if value is not None:
            reader = reader.option(name, str(value))
    return reader.load(checkpoint)


def state(checkpoint, **options):
    rows = source(checkpoint, options)
    value = F.col("value")
    if "joinSide" in options:
        # Its rows have one field more than its schema, over which to_json stumbles: a struct made anew has not.
        value = F.struct(*[F.col(f"value.`{name}`") for name in rows.schema["value"].dataType.fieldNames()]).alias("value")
    return json_lines(rows.select(F.col("partition_id").alias("p"), "key", value))


def changes(checkpoint, **options):
    feed = source(checkpoint, {"readChangeFeed": "true", **options})
    return json_lines(feed.select(
        F.col("batch_id").alias("batch"), F.col("change_type").alias("type"), F.col("partition_id").alias("p"), "key", "value"))


def metadata(checkpoint):
    return json_lines(spark.read.format("state-metadata").load(checkpoint))


COMMANDS = {"run": run, "state": state, "changes": changes, "metadata": metadata}


def reply(message):
    replies.write(json.dumps(message) + "\n")
    replies.flush()


def answer(request):
    try:
        return {"result": COMMANDS[request.pop("do")](**request)}
    except Exception as error:  # The test is told, and decides.
        return {"error": str(error)}


try:
    reply({"ready": spark.version})
    for line in sys.stdin:
        reply(answer(json.loads(line)))
except BrokenPipeError:
    pass  # Whoever asked is gone.
finally:
    spark.stop()
    shutil.rmtree(scratch, ignore_errors=True)
