package tidemark.bench;

import static tidemark.bench.Measurement.nowMs;

import java.util.Arrays;
import tidemark.bench.Measurement.Samples;

/** bench/harness/update-batches.ts: batches of updates of random keys, each with the stamp of its place. */
final class UpdateBatches {
  private static final int RANDOM_SEED = 1;
  /** Rows made ahead of their puts. */
  private static final int PIECE_ROWS = 10_000;

  private final Store store;
  private final int keys;
  private final int rows;
  private final Workload.RowBatch piece;
  private final Workload.Random random = new Workload.Random(RANDOM_SEED);
  private int stamp = Store.LOAD_STAMP + 1;

  UpdateBatches(Store store, int keys, int rows) {
    this.store = store;
    this.keys = keys;
    this.rows = rows;
    piece = new Workload.RowBatch(Math.min(rows, PIECE_ROWS));
  }

  /** What one batch took; `firstPutMs` of `putsMs` its first put. */
  record Times(double openMs, double putsMs, double firstPutMs, double commitMs) {
    double totalMs() {
      return openMs + putsMs + commitMs;
    }
  }

  Times next() {
    double putsMs = 0;
    double firstPutMs = 0;
    fill(piece.size());
    double started = nowMs();
    store.begin();
    double openMs = nowMs() - started;
    for (int from = 0; from < rows; from += piece.size()) {
      int count = Math.min(piece.size(), rows - from);
      if (from > 0) fill(count);
      double before = nowMs();
      store.put(piece.keys[0], piece.values[0]);
      if (from == 0) firstPutMs = nowMs() - before;
      for (int i = 1; i < count; i++) store.put(piece.keys[i], piece.values[i]);
      putsMs += nowMs() - before;
    }
    double changed = nowMs();
    store.commit();
    stamp++;
    return new Times(openMs, putsMs, firstPutMs, nowMs() - changed);
  }

  private void fill(int count) {
    for (int i = 0; i < count; i++) piece.set(i, random.below(keys), stamp);
  }

  void run(int batches) {
    for (int b = 0; b < batches; b++) next();
  }

  /** Open, puts and commit apart, and together; `rests` are the puts without the first of each batch. */
  static final class Series {
    final Samples opens = new Samples();
    final Samples puts = new Samples();
    final Samples rests = new Samples();
    final Samples commits = new Samples();
    final Samples totals = new Samples();

    void add(Times times) {
      opens.add(times.openMs());
      puts.add(times.putsMs());
      rests.add(times.putsMs() - times.firstPutMs());
      commits.add(times.commitMs());
      totals.add(times.totalMs());
    }
  }

  Series measure(int batches) {
    Series series = new Series();
    for (int b = 0; b < batches; b++) series.add(next());
    return series;
  }

  /** What the store must hold by now, made anew from the random numbers. */
  Workload.ContentSum expectedContent() {
    int[] stamps = new int[keys];
    Arrays.fill(stamps, Store.LOAD_STAMP);
    Workload.Random again = new Workload.Random(RANDOM_SEED);
    for (int past = Store.LOAD_STAMP + 1; past < stamp; past++) {
      for (int i = 0; i < rows; i++) stamps[again.below(keys)] = past;
    }
    Workload.ContentSum sum = new Workload.ContentSum();
    Workload.RowBatch row = new Workload.RowBatch(1);
    for (int n = 0; n < keys; n++) {
      row.set(0, n, stamps[n]);
      sum.add(row.keys[0], row.values[0]);
    }
    return sum;
  }
}
