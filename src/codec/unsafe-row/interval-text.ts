// Intervals as Spark prints them: the two ANSI families as the literals that make them, the old calendar interval in words.

import { printFraction, twoDigits } from './calendar.ts'
import {
  DAY_TIME_UNITS,
  type DayTimeUnit,
  type SparkDayTimeInterval,
  type SparkYearMonthInterval,
} from './spark-type.ts'
import type { CalendarInterval } from './spark-value.ts'

const SECOND_MICROSECONDS = 1_000_000n
const MINUTE_MICROSECONDS = 60n * SECOND_MICROSECONDS
const HOUR_MICROSECONDS = 60n * MINUTE_MICROSECONDS

const UNIT_MICROSECONDS: Readonly<Record<DayTimeUnit, bigint>> = {
  day: 24n * HOUR_MICROSECONDS,
  hour: HOUR_MICROSECONDS,
  minute: MINUTE_MICROSECONDS,
  second: SECOND_MICROSECONDS,
}
const SEPARATORS: Readonly<Record<DayTimeUnit, string>> = {
  day: '',
  hour: ' ',
  minute: ':',
  second: ':',
}

/** `INTERVAL '-1 02:03:04.5' DAY TO SECOND`: what is smaller than the last unit is not printed. */
export function printDayTimeInterval(
  microseconds: bigint,
  { from, to }: SparkDayTimeInterval,
): string {
  const units = DAY_TIME_UNITS.slice(DAY_TIME_UNITS.indexOf(from), DAY_TIME_UNITS.indexOf(to) + 1)
  let rest = microseconds < 0n ? -microseconds : microseconds
  let text = ''
  for (const unit of units) {
    const count = rest / UNIT_MICROSECONDS[unit]
    rest %= UNIT_MICROSECONDS[unit]
    text += unit === from ? '' : SEPARATORS[unit]
    text += unit === 'day' ? count : twoDigits(count)
  }
  if (to === 'second') text += printFraction(rest, 6)
  return literal(microseconds < 0n, text, from, to)
}

/** `INTERVAL '-1-2' YEAR TO MONTH`. */
export function printYearMonthInterval(
  months: number,
  { from, to }: SparkYearMonthInterval,
): string {
  const count = Math.abs(months)
  const years = Math.floor(count / 12)
  const text = from === 'month' ? count : to === 'year' ? years : `${years}-${count % 12}`
  return literal(months < 0, String(text), from, to)
}

/** `1 years 2 months 25 days 5 hours 6 minutes 7.123456 seconds`: each part with its own sign, those that are 0 left out. */
export function printCalendarInterval({ months, days, microseconds }: CalendarInterval): string {
  const rest = microseconds % HOUR_MICROSECONDS
  const seconds = rest % MINUTE_MICROSECONDS
  const parts: [string | number | bigint, string][] = [
    [Math.trunc(months / 12), 'years'],
    [months % 12, 'months'],
    [days, 'days'],
    [microseconds / HOUR_MICROSECONDS, 'hours'],
    [rest / MINUTE_MICROSECONDS, 'minutes'],
    [printSeconds(seconds), 'seconds'],
  ]
  const shown = parts.filter(([count]) => Number(count) !== 0)
  return shown.length === 0
    ? '0 seconds'
    : shown.map(([count, unit]) => `${count} ${unit}`).join(' ')
}

function printSeconds(microseconds: bigint): string {
  const size = microseconds < 0n ? -microseconds : microseconds
  const fraction = printFraction(size % SECOND_MICROSECONDS, 6)
  return `${microseconds < 0n ? '-' : ''}${size / SECOND_MICROSECONDS}${fraction}`
}

function literal(negative: boolean, text: string, from: string, to: string): string {
  const units = from === to ? from : `${from} TO ${to}`
  return `INTERVAL '${negative ? '-' : ''}${text}' ${units.toUpperCase()}`
}
