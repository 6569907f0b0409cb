// The growth plots: what commits, memory and recovery cost as the state grows, each engine a line.

import { formatNumber } from './format-figure.ts'
import { engineOf, figureOf, type Results, type Where } from './results.ts'
import { growthPlot, type PlotPoint, type PlotSeries, SERIES_MAX } from './svg-plot.ts'
import { REFERENCE } from './tables.ts'

export interface Plot {
  /** In docs/benchmarks/. */
  readonly file: string
  readonly title: string
  readonly svg: string
}

interface PlotSource {
  readonly file: string
  readonly title: string
  readonly question: string
  readonly where: Where
  readonly unit: string
  /** Of an engine; added up where it has them all. */
  readonly figures: (engine: string) => readonly string[]
  /** How many of what is measured make one of what is drawn. */
  readonly scale: number
}

/** Fewer sizes than this tell nothing of growth. */
const SIZES_MIN = 2

/** A garbage-collected heap keeps what it no longer needs, which is no fault of the engine. */
const HEAP_ENGINES = new Set(['spark-hdfs', 'js-map'])

const SOURCES: readonly PlotSource[] = [
  {
    file: 'commit-latency.svg',
    title: '1,000 changes: open, put and commit (p50)',
    question: 'commit-latency',
    where: { durability: 'os' },
    unit: 'ms',
    figures: () => ['openP50Ms', 'putsP50Ms', 'commitP50Ms'],
    scale: 1,
  },
  {
    file: 'memory.svg',
    title: 'Memory for 16-byte keys and 32-byte values (resident; Spark, JS Map: heap)',
    question: 'memory',
    where: { values: 'rows' },
    unit: 'MB',
    figures: (engine) => (HEAP_ENGINES.has(engine) ? ['heapBytes'] : ['residentBytes']),
    scale: 1e6,
  },
  {
    file: 'recovery.svg',
    title: 'From files to a readable store: snapshot and 10 deltas',
    question: 'recovery',
    where: {},
    unit: 's',
    figures: () => ['recoverMs'],
    scale: 1000,
  },
]

/** Those for which two sizes at least were measured. */
export function growthPlots(results: Results): Plot[] {
  const plots: Plot[] = []
  for (const source of SOURCES) {
    const series = seriesOf(source, results)
    if (!series.some(({ points }) => points.length >= SIZES_MIN)) continue
    const { file, title, unit } = source
    const svg = growthPlot({
      title,
      xLabel: 'keys in the state',
      unit,
      formatX: formatKeys,
      formatY: formatNumber,
      series,
    })
    plots.push({ file, title, svg })
  }
  return plots
}

function seriesOf({ question, where, figures, scale }: PlotSource, results: Results): PlotSeries[] {
  const cases = results.cases(question, where).toSorted((a, b) => a.params.keys - b.params.keys)
  const engines = [...new Set(cases.flatMap((one) => one.engines.map(({ engine }) => engine)))]
  engines.sort((a, b) => Number(b === REFERENCE) - Number(a === REFERENCE))
  const series = engines.map((engine) => {
    const points: PlotPoint[] = []
    for (const one of cases) {
      const names = figures(engine)
      const has = engineOf(one, engine)?.figures ?? {}
      // The first case of a size that the engine has: others vary something else.
      if (!names.every((name) => name in has) || points.at(-1)?.x === one.params.keys) continue
      const y = names.reduce((sum, name) => sum + (figureOf(one, engine, name) ?? 0), 0) / scale
      if (y > 0) points.push({ x: one.params.keys, y })
    }
    return { name: engine, points }
  })
  return series.filter(({ points }) => points.length > 0).slice(0, SERIES_MAX)
}

function formatKeys(keys: number): string {
  return keys >= 1e6 ? `${formatNumber(keys / 1e6)} M` : `${formatNumber(keys / 1e3)} k`
}
