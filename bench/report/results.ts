// What `npm run bench` left in bench/results/, read back and asked for single figures.

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Machine } from '../harness/machine.ts'
import type { CaseResult, EngineResult, Figure } from '../harness/run-question.ts'

/** One file of bench/results/. */
export interface QuestionResult {
  readonly question: string
  readonly title: string
  /** By which it was measured: RULES of harness/question.ts. Missing: 1. */
  readonly rules?: number
  readonly machine: Machine
  /** How long all its cases took. */
  readonly seconds: number
  readonly cases: readonly CaseResult[]
}

/** Parameters a case must have; it may have others. */
export type Where = Readonly<Record<string, string | number>>

/** Figures of which the least or most of the rounds is what was least disturbed: times and rates, but not differences of times. */
const DISTURBED = /((?<!OverIdle)Ms|Ns|PerSecond)$/

export class Results {
  /** By name of the question. */
  readonly all: readonly QuestionResult[]

  constructor(all: readonly QuestionResult[]) {
    this.all = all.toSorted((a, b) => (a.question < b.question ? -1 : 1))
  }

  static read(directory: string): Results {
    // The folder is not there before the first full run.
    const names = globSync('*.json', { cwd: directory })
    return new Results(
      names.map(
        (name) => JSON.parse(readFileSync(join(directory, name), 'utf8')) as QuestionResult,
      ),
    )
  }

  /** The same with each time and rate as the best round of its engine had it, instead of the median. */
  ofBestRounds(): Results {
    const atBest = ([name, figure]: [string, Figure]): [string, Figure] => [
      name,
      DISTURBED.test(name) ? { ...figure, median: figure.best } : figure,
    ]
    return new Results(
      this.all.map((result) => ({
        ...result,
        cases: result.cases.map((one) => ({
          ...one,
          engines: one.engines.map((engine) => ({
            ...engine,
            figures: Object.fromEntries(Object.entries(engine.figures).map(atBest)),
          })),
        })),
      })),
    )
  }

  cases(question: string, where: Where = {}): readonly CaseResult[] {
    const result = this.all.find((one) => one.question === question)
    return (result?.cases ?? []).filter(({ params }) =>
      Object.entries(where).every(([name, value]) => params[name] === value),
    )
  }

  /** The median over the rounds, or undefined where this was not measured. More than one case that fits is a mistake of the asker. */
  figure(question: string, where: Where, engine: string, name: string): number | undefined {
    const found = this.cases(question, where).filter(
      (one) => figureOf(one, engine, name) !== undefined,
    )
    if (found.length > 1) {
      throw new RangeError(
        `Expected one case of ${question} with ${JSON.stringify(where)}, got ${found.length}`,
      )
    }
    return found.length === 0 ? undefined : figureOf(found[0], engine, name)
  }
}

export function engineOf(one: CaseResult, engine: string): EngineResult | undefined {
  return one.engines.find((result) => result.engine === engine)
}

/** The median over the rounds. */
export function figureOf(one: CaseResult, engine: string, name: string): number | undefined {
  return engineOf(one, engine)?.figures[name]?.median
}
