package tidemark.bench;

import static tidemark.bench.Measurement.nowMs;

import tidemark.bench.Measurement.Samples;

/** bench/commit-latency.ts */
final class CommitLatency implements SparkBench.Question {
  private static final int RANDOM_SEED = 1;

  @Override
  public void measure(Stores stores, SparkBench.Params params, Measurement measurement) {
    int keys = params.number("keys");
    int warmUp = params.number("warmUp");
    int total = warmUp + params.number("commits");
    Store store = stores.open(0, 0);
    store.load(keys);

    Samples opens = new Samples();
    Samples puts = new Samples();
    Samples commits = new Samples();
    Workload.RowBatch batch = new Workload.RowBatch(params.number("changes"));
    Workload.Random random = new Workload.Random(RANDOM_SEED);
    for (int c = 0; c < total; c++) {
      for (int i = 0; i < batch.size(); i++) batch.set(i, random.below(keys), c + 2);
      double started = nowMs();
      store.begin();
      double opened = nowMs();
      for (int i = 0; i < batch.size(); i++) store.put(batch.keys[i], batch.values[i]);
      double changed = nowMs();
      store.commit();
      double committed = nowMs();
      if (c < warmUp) continue;
      opens.add(opened - started);
      puts.add(changed - opened);
      commits.add(committed - changed);
    }
    quantiles(measurement, "open", opens);
    quantiles(measurement, "puts", puts);
    quantiles(measurement, "commit", commits);
    measurement.content(store.content());
  }

  private static void quantiles(Measurement measurement, String name, Samples samples) {
    measurement.figure(name + "P50Ms", samples.median());
    measurement.figure(name + "P99Ms", samples.quantile(0.99));
    measurement.figure(name + "WorstMs", samples.quantile(1));
  }
}
