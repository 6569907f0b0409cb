/**
 * Reads the numbers among the options of a storage: the one that stands under a name, or `byDefault` where none does. What is no whole number
 * from `min` to `max` is thrown as what `invalid` makes of the words for it. A text is not shown: it may be a secret in the wrong place.
 */
export function wholeNumbersOf<Options extends object>(
  options: Options,
  invalid: (name: string, expected: string, found: string) => Error,
): (name: keyof Options & string, byDefault: number, min: number, max: number) => number {
  return (name, byDefault, min, max) => {
    const value: unknown = options[name] === undefined ? byDefault : options[name]
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max)
      return value
    const found = typeof value === 'number' ? String(value) : typeof value
    throw invalid(name, `a whole number from ${min} to ${max}`, found)
  }
}
