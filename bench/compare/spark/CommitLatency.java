package tidemark.bench;

import java.io.IOException;
import tidemark.bench.Measurement.Samples;

/** bench/commit-latency.ts */
final class CommitLatency implements SparkBench.Question {
  @Override
  public void measure(Stores stores, SparkBench.Params params, Measurement measurement)
      throws IOException, InterruptedException {
    int keys = params.number("keys");
    Store store = stores.open(0, 0);
    store.load(keys);
    Store.settleDisk();

    UpdateBatches batches = new UpdateBatches(store, keys, params.number("changes"));
    batches.run(params.number("warmUp"));
    UpdateBatches.Series series = batches.measure(params.number("commits"));
    quantiles(measurement, "open", series.opens);
    quantiles(measurement, "puts", series.puts);
    quantiles(measurement, "commit", series.commits);
    measurement.content(stores.committedContent(store));
  }

  private static void quantiles(Measurement measurement, String name, Samples samples) {
    measurement.figure(name + "P50Ms", samples.median());
    measurement.figure(name + "P99Ms", samples.quantile(0.99));
    measurement.figure(name + "WorstMs", samples.quantile(1));
  }
}
