// Time, and what is made of many times.

export function nowMs(): number {
  return performance.now()
}

/** `quantile` 0 to 1 of `samples`, by the nearest rank. 0.5 is the median. */
export function quantile(samples: readonly number[], at: number): number {
  if (samples.length === 0) throw new RangeError('Expected at least one sample')
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(at * sorted.length) - 1))]
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5)
}

/** Three significant digits: more would be noise. */
export function rounded(figure: number): number {
  return Number(figure.toPrecision(3))
}

export function mean(samples: readonly number[]): number {
  return samples.reduce((sum, sample) => sum + sample, 0) / samples.length
}
