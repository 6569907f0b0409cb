// Dates and times as text, on the proleptic Gregorian calendar, without the bounds of JavaScript's Date: Spark's years reach five million.

const DAY_MICROSECONDS = 86_400_000_000n
const DAYS_PER_ERA = 146_097
/** From 0000-03-01, where eras of 400 years begin here, to 1970-01-01. */
const EPOCH_DAY = 719_468

/** Days since 1970-01-01 as `yyyy-MM-dd`; years beyond 9999 carry a plus, as Java prints them. */
export function printDate(epochDay: number): string {
  const day = epochDay + EPOCH_DAY
  const era = Math.floor(day / DAYS_PER_ERA)
  const dayOfEra = day - era * DAYS_PER_ERA
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  )
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  // Months count from March, so that the leap day comes last.
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const dayOfMonth = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  return `${printYear(year)}-${twoDigits(month)}-${twoDigits(dayOfMonth)}`
}

/** Microseconds since 1970 split into the day they fall on, as text, and the microsecond of that day. */
export function splitTimestamp(microseconds: bigint): { date: string; microsecondOfDay: number } {
  const ofDay = ((microseconds % DAY_MICROSECONDS) + DAY_MICROSECONDS) % DAY_MICROSECONDS
  return {
    date: printDate(Number((microseconds - ofDay) / DAY_MICROSECONDS)),
    microsecondOfDay: Number(ofDay),
  }
}

/** `HH:mm:ss` of a microsecond of a day. */
export function printTimeOfDay(microsecondOfDay: number): string {
  const seconds = Math.floor(microsecondOfDay / 1_000_000)
  const minutes = Math.floor(seconds / 60)
  return `${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}:${twoDigits(seconds % 60)}`
}

/** A point and the digits of `part` of `digits` digits, without the zeros at the end; nothing for 0. */
export function printFraction(part: number | bigint, digits: number): string {
  const text = part.toString().padStart(digits, '0').replace(/0+$/, '')
  return text === '' ? '' : `.${text}`
}

export function twoDigits(value: number | bigint): string {
  return value.toString().padStart(2, '0')
}

function printYear(year: number): string {
  if (year > 9999) return `+${year}`
  return year < 0 ? `-${(-year).toString().padStart(4, '0')}` : year.toString().padStart(4, '0')
}
