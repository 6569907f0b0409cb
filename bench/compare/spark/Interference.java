package tidemark.bench;

import static tidemark.bench.Measurement.nowMs;

import java.io.IOException;
import tidemark.bench.Measurement.Samples;

/**
 * The phase snapshot of bench/interference.ts. Spark has no event loop to block: its snapshots are written by a
 * maintenance thread, while the task's thread goes on with batches. Measured are the snapshot's time alone, after one
 * that is not timed, and the batches before, beside and after one.
 */
final class Interference implements SparkBench.Question {
  /** Between two snapshots. */
  private static final int BATCHES_UNTIL_DUE = 2;

  @Override
  public void measure(Stores stores, SparkBench.Params params, Measurement measurement)
      throws IOException, InterruptedException {
    if (!params.text("phase").equals("snapshot")) {
      throw new IllegalArgumentException("Of Spark there is the phase snapshot only");
    }
    int keys = params.number("keys");
    // A snapshot at each maintenance: for RocksDB with a changelog, a checkpoint at each commit as well.
    stores.configure("minDeltasForSnapshot", "0");
    Store store = stores.open(0, 0);
    store.load(keys);
    Store.settleDisk();

    UpdateBatches batches = new UpdateBatches(store, keys, params.number("batchRows"));
    store.maintain();
    batches.run(BATCHES_UNTIL_DUE);
    Store.settleDisk();
    double started = nowMs();
    store.maintain();
    measurement.figure("snapshotMs", nowMs() - started);

    batches.run(params.number("warmUp"));
    Samples before = batches.measure(params.number("batches")).totals;

    double[] snapshotMs = new double[1];
    Thread maintenance =
        new Thread(
            () -> {
              double from = nowMs();
              store.maintain();
              snapshotMs[0] = nowMs() - from;
            });
    Samples with = new Samples();
    maintenance.start();
    do with.add(batches.next().totalMs());
    while (maintenance.isAlive());
    maintenance.join();
    Samples after = batches.measure(params.number("batches")).totals;

    check(stores.committedContent(store), batches.expectedContent());

    measurement.figure("snapshotDuringBatchesMs", snapshotMs[0]);
    measurement.figure("batchMs", before.median());
    measurement.figure("batchDuringSnapshotMs", with.median());
    measurement.figure("batchDuringSnapshotWorstMs", with.quantile(1));
    measurement.figure("throughputRatio", before.mean() / with.mean());
    measurement.figure("afterThroughputRatio", before.mean() / after.mean());
  }

  /** How many batches there were only this process knows, so it compares what the bench compares elsewhere. */
  private static void check(Workload.ContentSum found, Workload.ContentSum expected) {
    if (found.rows() == expected.rows() && found.checksum().equals(expected.checksum())) return;
    throw new IllegalStateException(
        "Expected " + expected.rows() + " rows, " + expected.checksum() + ", found " + found.rows() + " rows, " + found.checksum());
  }
}
