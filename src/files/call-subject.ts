import { describePath } from './file-manager.ts'

/** What a call to a storage behind a network is about, for messages: `RENAME from a/b to c/d in webhdfs://…`. */
export interface CallSubject {
  /** With its preposition: `PUT of`, `RENAME from a/b to`. */
  readonly operation: string
  readonly location: string
  /** Relative to the location, as errors show it. Empty for the location itself. */
  readonly path: string
}

export function describeSubject({ operation, location, path }: CallSubject): string {
  return `${operation} ${describePath(location, path)}`
}
