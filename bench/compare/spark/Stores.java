package tidemark.bench;

import java.nio.file.Path;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.execution.streaming.state.NoPrefixKeyStateEncoderSpec;
import org.apache.spark.sql.execution.streaming.state.StateStoreConf;
import org.apache.spark.sql.execution.streaming.state.StateStoreId;
import org.apache.spark.sql.execution.streaming.state.StateStoreProvider;
import org.apache.spark.sql.execution.streaming.state.StateStoreProviderId;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import scala.Option;

/**
 * Makes Spark's own providers, as an executor would: no session, no query, no coordinator. Everything that is not set
 * here has Spark's default: lz4, file checksums on, two versions in memory, rows counted by RocksDB.
 */
final class Stores {
  private static final String PACKAGE = "org.apache.spark.sql.execution.streaming.state.";
  private static final StructType KEY = new StructType().add("key", DataTypes.LongType, false);
  private static final StructType VALUE =
      new StructType()
          .add("stamp", DataTypes.LongType, false)
          .add("n", DataTypes.LongType, false)
          .add("mixed", DataTypes.LongType, false);

  private final String engine;
  private final Path checkpoint;
  private final SQLConf conf = new SQLConf();
  private final UUID runId = UUID.randomUUID();

  Stores(String engine, Path checkpoint) {
    this.engine = engine;
    this.checkpoint = checkpoint;
    conf.setConfString("spark.sql.streaming.stateStore.providerClass", PACKAGE + providerClass());
    conf.setConfString(
        "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled",
        String.valueOf(engine.equals("spark-rocksdb-changelog")));
  }

  boolean isHdfs() {
    return engine.equals("spark-hdfs");
  }

  /** Where the price of a file shows, which another file system would not ask. */
  String standsFor() {
    String where =
        switch (engine) {
          case "spark-hdfs" -> "in the first put of a batch and in the commit";
          case "spark-rocksdb-changelog" -> "in the open and in the commit";
          default -> "in the commit";
        };
    return "Spark's defaults, parallel collector, heap of 4 to 10 GB; without Hadoop's native library it forks chmod for each file it creates, " + where;
  }

  /** For providers that are opened from now on. */
  void configure(String name, String value) {
    conf.setConfString("spark.sql.streaming.stateStore." + name, value);
  }

  /** The store of one partition at its newest version, with nothing of it in memory. */
  Store open(int partition, long version) {
    return new Store(create(partition), version);
  }

  /** What a restart would find in partition 0: its store is closed, and read again by a new provider. */
  Workload.ContentSum committedContent(Store store) {
    store.close();
    return open(0, store.version()).content();
  }

  /** Where Spark keeps the files of a partition. */
  Path folder(int partition) {
    return checkpoint.resolve("0").resolve(String.valueOf(partition));
  }

  private String providerClass() {
    return switch (engine) {
      case "spark-hdfs" -> "HDFSBackedStateStoreProvider";
      case "spark-rocksdb", "spark-rocksdb-changelog" -> "RocksDBStateStoreProvider";
      default -> throw new IllegalArgumentException("Expected an engine of Spark, got " + engine);
    };
  }

  private StateStoreProvider create(int partition) {
    StateStoreId id = new StateStoreId(checkpoint.toUri().toString(), 0L, partition, "default");
    Configuration hadoop = new Configuration();
    hadoop.set("sql.streaming.runId", runId.toString());
    return StateStoreProvider.createAndInit(
        new StateStoreProviderId(id, runId),
        KEY,
        VALUE,
        new NoPrefixKeyStateEncoderSpec(KEY),
        false,
        StateStoreConf.apply(conf),
        hadoop,
        false,
        Option.empty());
  }
}
