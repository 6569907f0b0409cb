// How a figure is printed. Its name ends in its unit, which decides how it is scaled; three significant digits, more would be noise.

import { rounded } from '../harness/figures.ts'

interface Unit {
  readonly suffix: string
  readonly label: string
  /** How many of what is counted make one of what is printed. */
  readonly scale: number
}

/** The longest suffix first: BytesPerSecond ends in PerSecond, too. */
const UNITS: readonly Unit[] = [
  { suffix: 'BytesPerSecond', label: 'MB/s', scale: 1e6 },
  { suffix: 'PerSecond', label: 'a second', scale: 1 },
  { suffix: 'Bytes', label: 'MB', scale: 1e6 },
  { suffix: 'Rows', label: 'rows', scale: 1 },
  { suffix: 'Count', label: 'count', scale: 1 },
  { suffix: 'Ratio', label: 'ratio', scale: 1 },
  { suffix: 'Ns', label: 'ns', scale: 1 },
  { suffix: 'Ms', label: 'ms', scale: 1 },
]

const BYTES_OF_A_KEY: Unit = { suffix: 'Bytes', label: 'bytes', scale: 1 }

function unitOf(name: string): Unit | undefined {
  if (name.includes('PerKey') && name.endsWith('Bytes')) return BYTES_OF_A_KEY
  return UNITS.find(({ suffix }) => name.toLowerCase().endsWith(suffix.toLowerCase()))
}

/** 'commitP99Ms' is 'commit p99, ms'. */
export function figureLabel(name: string): string {
  const unit = unitOf(name)
  const stem = unit === undefined ? name : name.slice(0, name.length - unit.suffix.length)
  // Rates keep what is counted: rowsPerSecond is 'rows, a second'.
  const words = stem
    .split(/(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/)
    // A letter by itself is a name: workload A.
    .map((word) => (word.length === 1 ? word.toUpperCase() : word.toLowerCase()))
    .join(' ')
  return [words, unit?.label].filter((part) => part !== undefined && part !== '').join(', ')
}

export function formatFigure(name: string, figure: number): string {
  return formatNumber(figure / (unitOf(name)?.scale ?? 1))
}

export function formatNumber(figure: number): string {
  return rounded(figure).toLocaleString('en', { maximumFractionDigits: 9 })
}

/** A larger figure is a better one: rates. All others are costs, but ratios, of which the name does not tell. */
export function isMoreBetter(name: string): boolean {
  return name.endsWith('PerSecond')
}

export function isRatio(name: string): boolean {
  return name.toLowerCase().endsWith('ratio')
}
