import { styleText } from 'node:util'

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
