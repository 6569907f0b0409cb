// Time, and what is made of many times.

export function nowMs(): number {
  return performance.now()
}

/** `at` 0 to 1 of `samples`, by the nearest rank. */
export function quantile(samples: readonly number[], at: number): number {
  if (samples.length === 0) throw new RangeError('Expected at least one sample')
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(at * sorted.length) - 1))]
}

/** Of an even number the mean of the middle two: the nearest rank would be the better of two rounds. */
export function median(samples: readonly number[]): number {
  if (samples.length === 0) throw new RangeError('Expected at least one sample')
  const sorted = samples.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Three significant digits: more would be noise. */
export function rounded(figure: number): number {
  return Number(figure.toPrecision(3))
}

export function mean(samples: readonly number[]): number {
  return samples.reduce((sum, sample) => sum + sample, 0) / samples.length
}
