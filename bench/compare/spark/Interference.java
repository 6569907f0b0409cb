package tidemark.bench;

import static tidemark.bench.Measurement.nowMs;

import tidemark.bench.Measurement.Samples;

/**
 * bench/interference.ts. Spark has no event loop to block: its snapshots are written by a maintenance thread, while the
 * task's thread goes on with batches. Measured are the snapshot's time alone, and the batches with and without one.
 */
final class Interference implements SparkBench.Question {
  private static final int RANDOM_SEED = 1;

  @Override
  public void measure(Stores stores, SparkBench.Params params, Measurement measurement) throws InterruptedException {
    int keys = params.number("keys");
    // A snapshot at each maintenance: for RocksDB with a changelog, a checkpoint at each commit as well.
    stores.configure("minDeltasForSnapshot", "0");
    Store store = stores.open(0, 0);
    store.load(keys);

    double started = nowMs();
    store.maintain();
    measurement.figure("snapshotMs", nowMs() - started);

    Batches batches = new Batches(store, keys, params.number("batchRows"));
    for (int b = 0; b < params.number("warmUp"); b++) batches.next();
    Samples without = new Samples();
    for (int b = 0; b < params.number("batches"); b++) without.add(batches.next());

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
    do with.add(batches.next());
    while (maintenance.isAlive());
    maintenance.join();

    measurement.figure("snapshotDuringBatchesMs", snapshotMs[0]);
    measurement.figure("batchMs", without.median());
    measurement.figure("batchDuringSnapshotMs", with.median());
    measurement.figure("batchDuringSnapshotWorstMs", with.quantile(1));
    measurement.figure("throughputRatio", without.mean() / with.mean());
  }

  private static final class Batches {
    private final Store store;
    private final int keys;
    private final Workload.RowBatch batch;
    private final Workload.Random random = new Workload.Random(RANDOM_SEED);
    private int stamp = 2;

    Batches(Store store, int keys, int rows) {
      this.store = store;
      this.keys = keys;
      batch = new Workload.RowBatch(rows);
    }

    double next() {
      for (int i = 0; i < batch.size(); i++) batch.set(i, random.below(keys), stamp);
      stamp++;
      double started = nowMs();
      store.begin();
      for (int i = 0; i < batch.size(); i++) store.put(batch.keys[i], batch.values[i]);
      store.commit();
      return nowMs() - started;
    }
  }
}
