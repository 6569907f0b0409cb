package tidemark.bench;

import static tidemark.bench.Measurement.nowMs;

import tidemark.bench.Measurement.Samples;

/** bench/throughput.ts */
final class Throughput implements SparkBench.Question {
  private static final int RANDOM_SEED = 1;

  @Override
  public void measure(Stores stores, SparkBench.Params params, Measurement measurement) {
    int keys = params.number("keys");
    int warmUp = params.number("warmUp");
    int total = warmUp + params.number("batches");
    Store store = stores.open(0, 0);
    store.load(keys);

    Samples batches = new Samples();
    Samples opens = new Samples();
    Samples puts = new Samples();
    Samples commits = new Samples();
    Workload.RowBatch batch = new Workload.RowBatch(params.number("batchRows"));
    Workload.Random random = new Workload.Random(RANDOM_SEED);
    for (int b = 0; b < total; b++) {
      for (int i = 0; i < batch.size(); i++) batch.set(i, random.below(keys), b + 2);
      double started = nowMs();
      store.begin();
      double opened = nowMs();
      for (int i = 0; i < batch.size(); i++) store.put(batch.keys[i], batch.values[i]);
      double changed = nowMs();
      store.commit();
      double committed = nowMs();
      if (b < warmUp) continue;
      batches.add(committed - started);
      opens.add(opened - started);
      puts.add(changed - opened);
      commits.add(committed - changed);
    }
    measurement.figure("batchMs", batches.median());
    measurement.figure("batchWorstMs", batches.quantile(1));
    measurement.figure("openMs", opens.median());
    measurement.figure("putsMs", puts.median());
    measurement.figure("commitMs", commits.median());
    measurement.figure("rowsPerSecond", batch.size() / batches.median() * 1000);
    measurement.content(store.content());
  }
}
