// What a webhdfs:// or swebhdfs:// location means: which NameNodes, over http or https, and which folder.
//
// Several NameNodes are the ones of one high-available cluster, separated by commas. The path is taken as it stands, as Hadoop does: there
// is no percent-decoding, and each segment is encoded one to one when it is sent. What could be misread is refused: a query, a fragment, a
// user name before the host (the option `user` gives it). Messages never repeat those parts: people put secrets there.

import { StateStoreError } from '../../errors.ts'
import { segmentsOf } from '../file-manager.ts'

/** The HTTP ports of a NameNode unless it is configured otherwise. */
const NAME_NODE_PORT = { http: 9870, https: 9871 } as const
/** HDFS itself knows an active one, its standby, and a few observers. */
const NAME_NODES_MAX = 8

/** One HTTP endpoint. `host` is in lower case and, for IPv6, without brackets. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

export interface HdfsLocation {
  /** True for swebhdfs: everything goes over TLS. */
  readonly secure: boolean
  readonly nameNodes: readonly Endpoint[]
  /** The segments of the folder; none for the root of the file system. */
  readonly segments: readonly string[]
}

/** `host:port`, with brackets around an IPv6 address. */
export function describeEndpoint({ host, port }: Endpoint): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** `host`, `host:port`, `[::1]:port`; undefined if it is none of these. */
export function parseEndpoint(text: string, defaultPort: number): Endpoint | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::(\d{1,5}))?$/i.exec(text)
  if (match === null) return undefined
  const port = match[3] === undefined ? defaultPort : Number(match[3])
  if (port < 1 || port > 65_535) return undefined
  return { host: (match[1] ?? match[2]).toLowerCase(), port }
}

/** The parts of `location`. INVALID_OPTIONS where it is not a WebHDFS location. */
export function parseHdfsLocation(location: string): HdfsLocation {
  if (typeof location !== 'string')
    throw new TypeError(`Expected \`location\` to be a string, got ${typeof location}`)
  const [, scheme, authority, path] = /^([a-z]+):\/\/([^/?#]*)([^]*)$/i.exec(location) ?? []
  const secure = scheme?.toLowerCase() === 'swebhdfs'
  if (!secure && scheme?.toLowerCase() !== 'webhdfs')
    throw invalid('one that begins with webhdfs:// or swebhdfs://', 'another scheme, or none')
  if (authority.includes('@'))
    throw invalid(
      'only hosts between // and /',
      'a user name before the host; give it as the option `user`',
    )
  const nameNodes = authority.split(',').map((text) => {
    const endpoint = parseEndpoint(text, NAME_NODE_PORT[secure ? 'https' : 'http'])
    if (endpoint === undefined)
      throw invalid('hosts as in namenode:9870, separated by commas', JSON.stringify(text))
    return endpoint
  })
  if (nameNodes.length > NAME_NODES_MAX)
    throw invalid(`${NAME_NODES_MAX} NameNodes at most`, `${nameNodes.length}`)
  return { secure, nameNodes, segments: folderSegments(path) }
}

/** What to say to somebody who wrote an hdfs:// location. */
export function refuseHdfsScheme(location: string): never {
  const host = parseEndpoint(/^hdfs:\/\/([^/?#]*)/i.exec(location)?.[1] ?? '', 0)?.host
  throw invalid(
    `one that begins with webhdfs://, as in webhdfs://${host ?? 'namenode'}:${NAME_NODE_PORT.http}/path`,
    "hdfs://, which is the NameNode's RPC port; this engine speaks HTTP to it, and that is the port of `dfs.namenode.http-address`",
  )
}

function folderSegments(path: string): string[] {
  if (/[?#]/.test(path)) throw invalid('no ? and no # in the path', 'one')
  if (!path.isWellFormed()) throw invalid('well-formed text', 'a lone surrogate')
  try {
    return segmentsOf(path)
  } catch (error) {
    throw invalid('a path of plain segments', 'one that is not', error)
  }
}

function invalid(expected: string, found: string, cause?: unknown): StateStoreError {
  return new StateStoreError(
    'TIDEMARK_INVALID_OPTIONS',
    `Expected the WebHDFS location to be ${expected}; found ${found}${cause instanceof Error ? ` (${cause.message})` : ''}.`,
    { cause },
  )
}
