// Tables for people: columns under titles, sizes in units, texts cut to what a screen bears.
//
// A table of unknown length is set in pieces, each as wide as its own rows need, so that millions of rows stream. Bold only on a
// terminal; programs take --json.

import { styleText } from 'node:util'
import type { Output } from './output.ts'
import { escapeUnprintable } from './printable.ts'

/** Whether numbers are meant: then the column is set to the right. */
export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
}

/** Lines of a table, the first its header, set in columns. Cells are printable text, without styles or line breaks. */
export function tableLines(columns: readonly Column[], rows: readonly string[][]): string[] {
  const widths = columns.map((column, i) =>
    rows.reduce((width, row) => Math.max(width, row[i].length), column.title.length),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) =>
        columns[i].align === 'right' ? cell.padStart(widths[i]) : cell.padEnd(widths[i]),
      )
      .join('  ')
      .trimEnd()
  return [bold(line(columns.map(({ title }) => title))), ...rows.map(line)]
}

/** Bold on a terminal; elsewhere styleText leaves the text alone. */
export function bold(text: string): string {
  return styleText('bold', text)
}

/** 1234567 as `1.2 MB`. */
export function sizeText(sizeBytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let [value, unit] = [sizeBytes, 0]
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${units[unit]}`
}

/** Rows that share their column widths; a table of millions is not held back until its widest row is known. */
const TABLE_ROWS_MAX = 100

/** In tables only this much of a text is shown, in characters. */
const SHOWN_CHARACTERS_MAX = 96

/** Tables of rows that come group by group, each under its heading. */
export class GroupedTable {
  readonly #columns: readonly Column[]
  readonly #output: Output
  #group: string | undefined
  #rows: string[][] = []

  constructor(columns: readonly Column[], output: Output) {
    this.#columns = columns
    this.#output = output
  }

  async row(group: string, cells: string[]): Promise<void> {
    if (group !== this.#group) {
      await this.#flush()
      await this.#output.line(bold(group))
      this.#group = group
    }
    this.#rows.push(cells)
    if (this.#rows.length >= TABLE_ROWS_MAX) await this.#flush()
  }

  /** Prints what is left, and how many there were. */
  async end(count: number, noun: string): Promise<void> {
    await this.#flush()
    await this.#output.line(`${count} ${count === 1 ? noun : `${noun}s`}`)
  }

  async #flush(): Promise<void> {
    if (this.#rows.length === 0) return
    for (const line of tableLines(this.#columns, this.#rows)) await this.#output.line(line)
    this.#rows = []
  }
}

/** A text for a cell: printable, and cut to what a screen bears. */
export function shortened(text: string): string {
  const head =
    text.length > 2 * SHOWN_CHARACTERS_MAX ? text.slice(0, 2 * SHOWN_CHARACTERS_MAX) : text
  const characters = Array.from(escapeUnprintable(head))
  if (characters.length <= SHOWN_CHARACTERS_MAX) return characters.join('')
  return `${characters.slice(0, SHOWN_CHARACTERS_MAX).join('')}…`
}
