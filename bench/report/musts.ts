// Whether what must hold (must-list.ts) does, line by line: a pure function from results to lines.
//
// INVARIANT: a bound is compared with the unrounded figure, and what is printed beside a verdict has as many digits as the verdict needs to be
// seen (9.996 against at least 10 is not printed as 10.0). What was not measured is said to be so; it never holds.
//
// Figures are medians over the rounds of one run. Beside them stands what the best round of each engine comes to: on a machine whose host disturbs some rounds
// and not others the two differ, and neither is to be believed alone. Lines without a bound are there because they are asked for beside the others.

import { formatNumber } from './format-figure.ts'
import type { Results } from './results.ts'

export type Bound =
  { readonly atLeast: number } | { readonly above: number } | { readonly atMost: number }

export interface Must {
  /** Of the table of what must hold. */
  readonly row: number
  readonly text: string
  /** None: reported beside. */
  readonly bound?: Bound
  /** Not needed, but aimed at. */
  readonly goal?: Bound
  /** What was reached, or undefined where it was not measured. */
  readonly reached: (results: Results) => number | undefined
  /** What is counted; nothing for ratios. */
  readonly unit?: string
}

export type Verdict = 'holds' | 'missed' | 'not measured' | 'reported'

export interface MustLine {
  readonly row: number
  readonly text: string
  readonly reached: string
  /** By the best rounds: for the reader, not for the verdict. */
  readonly atBest: string
  readonly bound: string
  /** False of what is reported beside. */
  readonly isRequired: boolean
  readonly verdict: Verdict
}

export function mustLines(musts: readonly Must[], results: Results): MustLine[] {
  const best = results.ofBestRounds()
  return musts.map((must) => {
    const reached = must.reached(results)
    const { row, text, bound, goal, unit } = must
    const print = (figure: number | undefined) =>
      figure === undefined ? '–' : withUnit(formatBeside(figure, bound ?? goal), unit)
    return {
      row,
      text,
      reached: print(reached),
      atBest: print(must.reached(best)),
      bound: describeBounds(bound, goal, unit, reached),
      isRequired: bound !== undefined,
      verdict: judge(reached, bound),
    }
  })
}

function judge(reached: number | undefined, bound: Bound | undefined): Verdict {
  if (reached === undefined) return 'not measured'
  if (bound === undefined) return 'reported'
  return isWithin(reached, bound) ? 'holds' : 'missed'
}

/** NaN is within no bound. */
function isWithin(reached: number, bound: Bound): boolean {
  if ('atLeast' in bound) return reached >= bound.atLeast
  return 'above' in bound ? reached > bound.above : reached <= bound.atMost
}

const DIGITS_MIN = 3
const DIGITS_MAX = 15

/** As few digits as show on which side of the bound the figure is. */
function formatBeside(reached: number, bound: Bound | undefined): string {
  if (bound === undefined || !Number.isFinite(reached)) return formatNumber(reached)
  for (let digits = DIGITS_MIN; digits < DIGITS_MAX; digits++) {
    const shown = Number(reached.toPrecision(digits))
    if (isWithin(shown, bound) !== isWithin(reached, bound)) continue
    return shown.toLocaleString('en', { maximumFractionDigits: DIGITS_MAX })
  }
  return String(reached)
}

function describeBounds(
  bound: Bound | undefined,
  goal: Bound | undefined,
  unit: string | undefined,
  reached: number | undefined,
): string {
  const parts = bound === undefined ? [] : [describeBound(bound, unit)]
  if (goal !== undefined) {
    const isReached = reached !== undefined && isWithin(reached, goal)
    parts.push(`goal ${describeBound(goal, unit)}${isReached ? ', reached' : ''}`)
  }
  return parts.length === 0 ? '–' : parts.join('; ')
}

function describeBound(bound: Bound, unit: string | undefined): string {
  const [sign, limit] = signOf(bound)
  return `${sign} ${withUnit(limit.toLocaleString('en'), unit)}`
}

function signOf(bound: Bound): readonly [string, number] {
  if ('atLeast' in bound) return ['≥', bound.atLeast]
  return 'above' in bound ? ['>', bound.above] : ['≤', bound.atMost]
}

function withUnit(figure: string, unit: string | undefined): string {
  return unit === undefined ? figure : `${figure} ${unit}`
}
