/** What the engine logs through; pino, winston and console all fit. Keys and values are never logged. */
export interface Logger {
  info(message: string): void
  warn(message: string): void
}

/** The default: says nothing. What it would say is also on the diagnostics channels, but for sidecars that could not be written (metric `sidecarFailures`). */
export const silentLogger: Logger = { info: () => undefined, warn: () => undefined }

/** `logger` without its exceptions: one that throws must not turn a commit that stands into one that failed. */
export function unfailing(logger: Logger): Logger {
  const call = (log: () => void): void => {
    try {
      log()
    } catch {
      // There is nobody left to tell.
    }
  }
  return {
    info: (message) => call(() => logger.info(message)),
    warn: (message) => call(() => logger.warn(message)),
  }
}
