package tidemark.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What is printed in the end: figures by name, the content of the store, and the versions of what was measured. */
final class Measurement {
  private final Map<String, Double> figures = new LinkedHashMap<>();
  private final Map<String, Object> out = new LinkedHashMap<>();

  Measurement() {
    out.put("figures", figures);
    Map<String, String> versions = new TreeMap<>();
    versions.put("java", System.getProperty("java.version"));
    versions.put("spark", org.apache.spark.package$.MODULE$.SPARK_VERSION());
    out.put("versions", versions);
  }

  /** The name ends in its unit, as in the question's file. */
  void figure(String name, double value) {
    figures.put(name, value);
  }

  /** What is particular to the engine here; printed below the tables. */
  void standsFor(String text) {
    out.put("standsFor", text);
  }

  void content(Workload.ContentSum sum) {
    out.put("content", new TreeMap<>(Map.of("rows", sum.rows(), "checksum", sum.checksum())));
  }

  String json() throws JsonProcessingException {
    return new ObjectMapper().writeValueAsString(out);
  }

  /** Many times of one thing; medians and quantiles as in bench/harness/figures.ts. */
  static final class Samples {
    private final List<Double> values = new ArrayList<>();

    void add(double value) {
      values.add(value);
    }

    double median() {
      double[] sorted = sorted();
      int middle = sorted.length / 2;
      return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    double mean() {
      return values.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
    }

    double quantile(double at) {
      double[] sorted = sorted();
      int rank = (int) Math.ceil(at * sorted.length) - 1;
      return sorted[Math.min(sorted.length - 1, Math.max(0, rank))];
    }

    private double[] sorted() {
      double[] sorted = values.stream().mapToDouble(Double::doubleValue).toArray();
      Arrays.sort(sorted);
      return sorted;
    }
  }

  static double nowMs() {
    return System.nanoTime() / 1e6;
  }
}
