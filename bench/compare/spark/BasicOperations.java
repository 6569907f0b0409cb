package tidemark.bench;

import static tidemark.bench.Measurement.nowMs;

import java.util.function.BiConsumer;
import java.util.function.IntSupplier;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.unsafe.Platform;
import tidemark.bench.Measurement.Samples;

/**
 * bench/basic-operations.ts, step by step. Two things are Spark's way: get hands out a row whose bytes stay, so getNs
 * and getViewNs are the same call twice, and nothing is gained by scanning for copies; rows are evicted while they are
 * iterated over, as Spark's operators do. The store that is thrown away is another partition.
 */
final class BasicOperations implements SparkBench.Question {
  private static final int LOAD_STAMP = 1;
  private static final int SCANS = 3;
  private static final int EVICT_EVERY = 10;
  private static final double NS_PER_MS = 1e6;
  /** As there: the JVM has compiled every step before one of them is timed. */
  private static final int WARM_UP_KEYS = 20_000;
  private static final int WARM_UP_ROUNDS = 20;
  private static final int WARM_UP_ROWS = 10_000;

  private Store store;
  private Workload.RowBatch batch;
  private int keys;
  private int rounds;

  /** Their order is that of CHANGE_STEPS there: it seeds the random numbers. */
  private enum Step {
    UPDATE,
    HALF,
    INSERT,
    REMOVE,
    EVICT;

    int stamp(int round) {
      return 2 + ordinal() * 1000 + round;
    }
  }

  private interface RowVisitor {
    void visit(int i, int n, int stamp);
  }

  @Override
  public void measure(Stores stores, SparkBench.Params params, Measurement measurement) {
    batch = new Workload.RowBatch(Math.min(WARM_UP_ROWS, params.number("batchRows")));
    keys = Math.min(WARM_UP_KEYS, params.number("keys"));
    rounds = Math.min(WARM_UP_ROUNDS, params.number("rounds"));
    store = stores.open(1, 0);
    measureSteps(true, new Measurement());
    store.close();
    System.gc();

    batch = new Workload.RowBatch(params.number("batchRows"));
    keys = params.number("keys");
    rounds = params.number("rounds");
    store = stores.open(0, 0);
    measureSteps(params.number("changes") == 1, measurement);
    measurement.content(stores.committedContent(store));
  }

  private void measureSteps(boolean changes, Measurement measurement) {
    measurement.figure("loadNs", load());
    if (changes) {
      PutTimes update = puts(Step.UPDATE);
      measurement.figure("updateNs", perRow(update.puts));
      measurement.figure("updateRestNs", update.rest.median() * NS_PER_MS / (batch.size() - 1));
      measurement.figure("updateWithCommitNs", perRow(update.committed));
      measurement.figure("halfNs", perRow(puts(Step.HALF).puts));
      measurement.figure("insertNs", perRow(puts(Step.INSERT).puts));
    }
    Workload.Random random = new Workload.Random(1);
    measurement.figure("getViewNs", gets(rounds, () -> random.below(keys)));
    measurement.figure("getNs", gets(rounds, () -> random.below(keys)));
    measurement.figure("missNs", gets(0, () -> keys + random.below(keys)));
    measurement.figure("scanNs", scans());
    if (changes) {
      measurement.figure("removeNs", removes());
      measurement.figure("evictNs", evicts());
    }
  }

  private void forEachRow(Step step, int round, RowVisitor visitor) {
    int stamp = step.stamp(round);
    Workload.Random random = new Workload.Random(stamp);
    int rows = batch.size();
    for (int i = 0; i < rows; i++) {
      if (step == Step.REMOVE) visitor.visit(i, (int) (((long) round * rows + i) * 7919 % keys), stamp);
      else if (step == Step.INSERT || (step == Step.HALF && i % 2 == 1)) visitor.visit(i, keys + i, stamp);
      else visitor.visit(i, random.below(keys), stamp);
    }
  }

  private double load() {
    double ms = 0;
    store.begin();
    for (int from = 0; from < keys; from += batch.size()) {
      int rows = Math.min(batch.size(), keys - from);
      for (int i = 0; i < rows; i++) batch.set(i, from + i, LOAD_STAMP);
      double started = nowMs();
      putBatch(rows);
      ms += nowMs() - started;
    }
    store.commit();
    return ms * NS_PER_MS / keys;
  }

  /** Of batches; from the first put, but `rest`, which leaves it out: it creates the delta, and forks for that. */
  private static final class PutTimes {
    final Samples puts = new Samples();
    final Samples rest = new Samples();
    final Samples committed = new Samples();
  }

  private PutTimes puts(Step step) {
    PutTimes times = new PutTimes();
    for (int round = 0; round < rounds; round++) {
      forEachRow(step, round, batch::set);
      store.begin();
      double started = nowMs();
      store.put(batch.keys[0], batch.values[0]);
      double second = nowMs();
      for (int i = 1; i < batch.size(); i++) store.put(batch.keys[i], batch.values[i]);
      double put = nowMs();
      store.commit();
      times.puts.add(put - started);
      times.rest.add(put - second);
      times.committed.add(nowMs() - started);
      if (step != Step.UPDATE) removeNew(step, round);
    }
    return times;
  }

  private void removeNew(Step step, int round) {
    store.begin();
    forEachRow(
        step,
        round,
        (i, n, stamp) -> {
          if (n >= keys) store.remove(batch.keys[i]);
        });
    store.commit();
  }

  /** `hits` is how often a batch must be found whole; 0: never. */
  private double gets(int hits, IntSupplier next) {
    Samples times = new Samples();
    long found = 0;
    store.begin();
    for (int round = 0; round < rounds; round++) {
      for (int i = 0; i < batch.size(); i++) batch.set(i, next.getAsInt(), 0);
      double started = nowMs();
      for (UnsafeRow key : batch.keys) {
        if (store.get(key) != null) found++;
      }
      times.add(nowMs() - started);
    }
    store.commit();
    if (found != (long) hits * batch.size()) throw new IllegalStateException("get found " + found + " rows");
    return perRow(times);
  }

  private double scans() {
    Samples times = new Samples();
    store.begin();
    for (int round = 0; round < SCANS; round++) {
      RowCounter counter = new RowCounter();
      double started = nowMs();
      store.scan(counter);
      times.add(nowMs() - started);
      if (counter.rows != keys || counter.bytes != 0) {
        throw new IllegalStateException("A scan met " + counter.rows + " rows");
      }
    }
    store.commit();
    return times.median() * NS_PER_MS / keys;
  }

  private static final class RowCounter implements BiConsumer<UnsafeRow, UnsafeRow> {
    int rows;
    int bytes;

    @Override
    public void accept(UnsafeRow key, UnsafeRow value) {
      rows++;
      bytes +=
          Platform.getByte(key.getBaseObject(), key.getBaseOffset())
              + Platform.getByte(value.getBaseObject(), value.getBaseOffset());
    }
  }

  private double removes() {
    Samples times = new Samples();
    for (int round = 0; round < rounds; round++) {
      forEachRow(Step.REMOVE, round, batch::set);
      store.begin();
      double started = nowMs();
      for (UnsafeRow key : batch.keys) store.remove(key);
      times.add(nowMs() - started);
      store.commit();
      store.begin();
      putBatch(batch.size());
      store.commit();
    }
    return perRow(times);
  }

  private double evicts() {
    Samples times = new Samples();
    for (int round = 0; round < SCANS; round++) {
      store.begin();
      double started = nowMs();
      store.scan(
          (key, value) -> {
            if (Workload.numberOf(value) % EVICT_EVERY == 0) store.remove(key);
          });
      times.add(nowMs() - started);
      store.commit();
      putEvictedBack(round);
    }
    return times.median() * NS_PER_MS / keys;
  }

  private void putEvictedBack(int round) {
    int stride = EVICT_EVERY * batch.size();
    store.begin();
    for (int from = 0; from < keys; from += stride) {
      int rows = Math.min(batch.size(), (keys - from + EVICT_EVERY - 1) / EVICT_EVERY);
      for (int i = 0; i < rows; i++) batch.set(i, from + i * EVICT_EVERY, Step.EVICT.stamp(round));
      putBatch(rows);
    }
    store.commit();
  }

  private void putBatch(int rows) {
    for (int i = 0; i < rows; i++) store.put(batch.keys[i], batch.values[i]);
  }

  private double perRow(Samples times) {
    return times.median() * NS_PER_MS / batch.size();
  }
}
