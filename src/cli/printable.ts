// What comes out of files and file names, made safe for a terminal: no control characters, no marks that turn text around.

/** Control, format and unassigned characters, lone surrogates, line and paragraph separators. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u
const UNPRINTABLE_ALL = new RegExp(UNPRINTABLE, 'gu')

/** The bytes as text, if they are UTF-8 and printable from end to end; else undefined. */
export function printableText(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return undefined
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return UNPRINTABLE.test(text) ? undefined : text
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

/** `text` with everything unprintable as \u{…}; line breaks too. */
export function escapeUnprintable(text: string): string {
  return text.replace(
    UNPRINTABLE_ALL,
    (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`,
  )
}
