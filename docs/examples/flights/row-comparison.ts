// Compares rows found with rows expected, one by one: each expected row must be found once, with its value, and nothing else may be found.

/** All differences are counted; as many are kept to be shown. */
const DIFFERENCES_KEPT_MAX = 20

export class Differences {
  count = 0
  /** The first of them, a line each. */
  readonly lines: string[] = []

  add(line: string): void {
    this.count++
    if (this.lines.length < DIFFERENCES_KEPT_MAX) this.lines.push(line)
  }
}

export class RowComparison {
  readonly #name: string
  readonly #missing: Map<string, string>
  readonly #differences: Differences

  /** `expected` is used up: what is found is taken out of it. */
  constructor(name: string, expected: Map<string, string>, differences: Differences) {
    this.#name = name
    this.#missing = expected
    this.#differences = differences
  }

  /** A row that was found in the store `where`. */
  add(where: string, key: string, value: string): void {
    const expected = this.#missing.get(key)
    this.#missing.delete(key)
    if (value !== expected) this.#note(where, key, expected, value)
  }

  /** To be called when all rows were added: what was not found is a difference as well. */
  finish(): void {
    for (const [key, expected] of this.#missing) this.#note(this.#name, key, expected, undefined)
    this.#missing.clear()
  }

  #note(where: string, key: string, expected: string | undefined, found: string | undefined): void {
    this.#differences.add(`${where}: ${key}: expected ${spell(expected)}, found ${spell(found)}`)
  }
}

function spell(value: string | undefined): string {
  if (value === undefined) return 'no such row'
  return value === '' ? 'the row' : value
}
