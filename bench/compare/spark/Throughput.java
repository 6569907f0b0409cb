package tidemark.bench;

/** bench/throughput.ts */
final class Throughput implements SparkBench.Question {
  @Override
  public void measure(Stores stores, SparkBench.Params params, Measurement measurement) {
    int keys = params.number("keys");
    int rows = params.number("batchRows");
    Store store = stores.open(0, 0);
    store.load(keys);

    UpdateBatches batches = new UpdateBatches(store, keys, rows);
    batches.run(params.number("warmUp"));
    UpdateBatches.Series series = batches.measure(params.number("batches"));
    measurement.figure("batchMs", series.totals.median());
    measurement.figure("batchWorstMs", series.totals.quantile(1));
    measurement.figure("openMs", series.opens.median());
    measurement.figure("putsMs", series.puts.median());
    measurement.figure("putsRestMs", series.rests.median());
    measurement.figure("commitMs", series.commits.median());
    measurement.figure("rowsPerSecond", rows / series.totals.mean() * 1000);
    measurement.content(stores.committedContent(store));
  }
}
