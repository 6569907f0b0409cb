// Small results as `npm run bench` writes them, with figures that are easy to reckon with.

import { type Params, RULES } from '../../../bench/harness/question.ts'
import { type QuestionResult, Results } from '../../../bench/report/results.ts'

type Figures = Readonly<Record<string, number | readonly number[]>>

interface SampleCase {
  readonly params: Params
  /** By engine; a text is the reason why there are none. */
  readonly engines: Readonly<Record<string, Figures | string>>
  readonly standsFor?: Readonly<Record<string, string>>
  readonly stolenShares?: Readonly<Record<string, readonly number[]>>
}

export function sampleResult(question: string, cases: readonly SampleCase[]): QuestionResult {
  return {
    question,
    title: `The question ${question}`,
    rules: RULES,
    machine: {
      cpu: 'A processor',
      cores: 2,
      memoryBytes: 16 * 2 ** 30,
      system: 'Linux 6.1',
      node: 'v24.0.0',
      v8: '13.6',
      commit: 'abc1234',
      date: '2026-01-02',
      packages: { lmdb: '3.5.6' },
    },
    seconds: 12,
    cases: cases.map(({ params, engines, standsFor, stolenShares }) => ({
      params,
      rounds: 3,
      engines: Object.entries(engines).map(([engine, figures]) =>
        typeof figures === 'string'
          ? { engine, figures: {}, versions: {}, skipped: figures }
          : {
              engine,
              figures: Object.fromEntries(
                Object.entries(figures).map(([name, figure]) => [name, roundsOf(name, figure)]),
              ),
              versions: engine.startsWith('spark-') ? { spark: '4.1.4' } : {},
              ...(standsFor?.[engine] === undefined ? {} : { standsFor: standsFor[engine] }),
              stolenShares: stolenShares?.[engine],
            },
      ),
    })),
  }
}

export function sampleResults(question: string, cases: readonly SampleCase[]): Results {
  return new Results([sampleResult(question, cases)])
}

function roundsOf(name: string, figure: number | readonly number[]) {
  const rounds = typeof figure === 'number' ? [figure] : figure
  const sorted = rounds.toSorted((a, b) => a - b)
  const best = name.endsWith('PerSecond') ? sorted[sorted.length - 1] : sorted[0]
  return { median: sorted[Math.floor(sorted.length / 2)], best, rounds }
}
