// sortedLinesOf — lines that come group by group, each group sorted by key: what `rows`, `changes` and `diff` print.
//
// A group is as large as a store's partition, so its lines go through SortedLines, which keeps little in memory. Key and text are joined by
// a NUL, which sorts below all that a key can hold: a key that begins another one comes first.

import { SortedLines } from '../files/sorted-lines.ts'

/** A line, and what it is sorted by. */
export interface SortableLine {
  /** Lines of one group come together and are sorted among themselves; groups stay in their order. */
  readonly group: string
  /** JSON or hex: no line feed, no NUL. */
  readonly key: string
  readonly text: string
}

/** Digits of a counter that keeps lines of one key in their order. */
const COUNTER_DIGITS = 15

/**
 * The lines, group by group, sorted by key; those of one key by their text, or with `keepsOrder` as they came. Memory is bounded, whatever the size of
 * a group.
 */
export async function* sortedLinesOf(
  lines: AsyncIterable<SortableLine>,
  { keepsOrder = false } = {},
): AsyncGenerator<{ readonly group: string; readonly text: string }, void, void> {
  const counterDigits = keepsOrder ? COUNTER_DIGITS : 0
  let sorter = new SortedLines()
  let current: string | undefined
  let count = 0
  try {
    for await (const { group, key, text } of lines) {
      if (group !== current) {
        yield* sortedTexts(sorter, current, counterDigits)
        sorter[Symbol.dispose]()
        sorter = new SortedLines()
        current = group
      }
      const counter = keepsOrder ? String(count++).padStart(COUNTER_DIGITS, '0') : ''
      sorter.add(`${key}\0${counter}${text}`)
    }
    yield* sortedTexts(sorter, current, counterDigits)
  } finally {
    sorter[Symbol.dispose]()
  }
}

function* sortedTexts(
  sorter: SortedLines,
  group: string | undefined,
  counterDigits: number,
): Generator<{ readonly group: string; readonly text: string }, void, void> {
  if (group === undefined) return
  for (const line of sorter.sorted())
    yield { group, text: line.slice(line.indexOf('\0') + 1 + counterDigits) }
}
