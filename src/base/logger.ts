/** What the engine logs through; pino, winston and console all fit. Keys and values are never logged. */
export interface Logger {
  info(message: string): void
  warn(message: string): void
}

/** The default: says nothing. Everything it would say is also on the diagnostics channels. */
export const silentLogger: Logger = { info: () => undefined, warn: () => undefined }
