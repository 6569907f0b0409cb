package tidemark.bench;

import java.io.IOException;
import java.util.function.BiConsumer;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.execution.streaming.state.StateStore;
import org.apache.spark.sql.execution.streaming.state.StateStoreIterator;
import org.apache.spark.sql.execution.streaming.state.StateStoreProvider;
import org.apache.spark.sql.execution.streaming.state.UnsafeRowPair;
import scala.Option;

/** One provider and the version it stands at: the shape of bench/harness/engine.ts. */
final class Store {
  private static final String FAMILY = "default";

  final StateStoreProvider provider;
  private StateStore store;
  private long version;

  Store(StateStoreProvider provider, long version) {
    this.provider = provider;
    this.version = version;
  }

  long version() {
    return version;
  }

  void begin() {
    store = provider.getStore(version, Option.empty());
  }

  void put(UnsafeRow key, UnsafeRow value) {
    store.put(key, value, FAMILY);
  }

  void remove(UnsafeRow key) {
    store.remove(key, FAMILY);
  }

  UnsafeRow get(UnsafeRow key) {
    return store.get(key, FAMILY);
  }

  /** The rows are Spark's, and may be gone with the next one. */
  void scan(BiConsumer<UnsafeRow, UnsafeRow> visit) {
    try (StateStoreIterator<UnsafeRowPair> rows = store.iterator(FAMILY)) {
      while (rows.hasNext()) {
        UnsafeRowPair row = rows.next();
        visit.accept(row.key(), row.value());
      }
    }
  }

  void commit() {
    version = store.commit();
  }

  void abort() {
    store.abort();
  }

  /** Writes a snapshot if one is due (minDeltasForSnapshot), and deletes old files. */
  void maintain() {
    provider.doMaintenance();
  }

  void close() {
    provider.close();
  }

  /** As bench/harness/load.ts: the same commits, the same rows. */
  void load(int keys) {
    Workload.RowBatch batch = new Workload.RowBatch(Math.min(keys, LOAD_BATCH_ROWS));
    for (int from = 0; from < keys; from += batch.size()) {
      int rows = Math.min(batch.size(), keys - from);
      for (int i = 0; i < rows; i++) batch.set(i, from + i, LOAD_STAMP);
      begin();
      for (int i = 0; i < rows; i++) put(batch.keys[i], batch.values[i]);
      commit();
    }
  }

  /** As bench/harness/settle-disk.ts. */
  static void settleDisk() throws IOException, InterruptedException {
    new ProcessBuilder("sync").inheritIO().start().waitFor();
  }

  Workload.ContentSum content() {
    Workload.ContentSum sum = new Workload.ContentSum();
    begin();
    scan(sum::add);
    commit();
    return sum;
  }

  private static final int LOAD_BATCH_ROWS = 100_000;
  static final int LOAD_STAMP = 1;
}
