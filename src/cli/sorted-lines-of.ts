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

/** The lines, group by group, sorted by key; those of one key stay in their order. Memory is bounded, whatever the size of a group. */
export async function* sortedLinesOf(
  lines: AsyncIterable<SortableLine>,
): AsyncGenerator<{ readonly group: string; readonly text: string }, void, void> {
  let sorter = new SortedLines()
  let current: string | undefined
  let count = 0
  try {
    for await (const { group, key, text } of lines) {
      if (group !== current) {
        yield* sortedTexts(sorter, current)
        sorter[Symbol.dispose]()
        sorter = new SortedLines()
        current = group
      }
      sorter.add(`${key}\0${String(count++).padStart(COUNTER_DIGITS, '0')}\0${text}`)
    }
    yield* sortedTexts(sorter, current)
  } finally {
    sorter[Symbol.dispose]()
  }
}

function* sortedTexts(
  sorter: SortedLines,
  group: string | undefined,
): Generator<{ readonly group: string; readonly text: string }, void, void> {
  if (group === undefined) return
  for (const line of sorter.sorted())
    yield { group, text: line.slice(line.indexOf('\0') + COUNTER_DIGITS + 2) }
}
