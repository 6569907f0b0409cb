// Where real Spark is found, and how its engine process is started.

export interface SparkCommand {
  readonly command: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

/** How to start the JVM, or why it cannot be started here. */
export async function sparkCommand(
  _question: string,
  _engine: string,
  _params: Readonly<Record<string, unknown>>,
): Promise<SparkCommand | { readonly missing: string }> {
  return { missing: 'not built yet' }
}
