// Where a NameNode sends us for the bytes of a file. One hop, to an allowed host, with the scheme of the location: anything else is refused
// before a byte goes there.

import { StateStoreError } from '../../errors.ts'
import type { HostCheck } from './allowed-hosts.ts'
import { describeEndpoint, type Endpoint, parseEndpoint } from './location.ts'

export interface Hop {
  readonly endpoint: Endpoint
  /** Encoded, with its query, as the server wrote it. May hold a token: never shown. */
  readonly path: string
}

/** What the path of a NameNode or DataNode begins with; a gateway may use another. */
export const WEBHDFS_ROOT = '/webhdfs/v1'

/**
 * `hop` for the file at `path`, which is encoded. NameNodes compose the letters of a name on the way (Java's URI does), so that a file with
 * decomposed ones would be looked for elsewhere; the name goes back to what it was. STORAGE_UNAVAILABLE where it is another file's.
 */
export function withPath(hop: Hop, from: Endpoint, path: string): Hop {
  const at = hop.path.indexOf('?')
  const found = at < 0 ? hop.path : hop.path.slice(0, at)
  // A gateway may hide the path in its query.
  if (found === path || !found.startsWith(`${WEBHDFS_ROOT}/`)) return hop
  if (composed(found) !== composed(path))
    throw new StateStoreError(
      'TIDEMARK_STORAGE_UNAVAILABLE',
      `Expected ${describeEndpoint(from)} to redirect to the file that was asked for, got the path of another. Nothing was sent there. Check what stands between this process and the NameNode.`,
    )
  return { endpoint: hop.endpoint, path: path + (at < 0 ? '' : hop.path.slice(at)) }
}

function composed(path: string): string {
  try {
    return decodeURIComponent(path).normalize('NFC')
  } catch {
    return path
  }
}

/** The hop that a `Location` header asks for. INVALID_OPTIONS for a host that is not allowed, STORAGE_UNAVAILABLE for what is no hop at all. */
export function parseHop(
  header: string | undefined,
  from: Endpoint,
  secure: boolean,
  allowed: HostCheck,
): Hop {
  const [, scheme, authority, path = ''] =
    /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(\/[^#\s]*)?$/i.exec(header ?? '') ?? []
  const wanted = secure ? 'https' : 'http'
  const endpoint = parseEndpoint(authority ?? '', secure ? 443 : 80)
  if (scheme?.toLowerCase() !== wanted || endpoint === undefined)
    throw new StateStoreError(
      'TIDEMARK_STORAGE_UNAVAILABLE',
      `Expected ${describeEndpoint(from)} to redirect to a DataNode by ${wanted}, got ${scheme === undefined ? 'no such URL' : `a URL that begins with ${scheme}:`}. Nothing was sent there. Check what stands between this process and the NameNode.`,
    )
  if (!allowed(endpoint))
    throw new StateStoreError(
      'TIDEMARK_INVALID_OPTIONS',
      `${describeEndpoint(from)} redirects to ${describeEndpoint(endpoint)}, which is not among the allowed hosts. Nothing was sent there. If it is a DataNode of this cluster, name it, or its domain as in *.example, in the option \`allowedHosts\`.`,
    )
  return { endpoint, path }
}

/**
 * `hop` with what a CREATE must not lose on the way: without these it would make missing folders, and so undo a fence, or write over a file.
 * STORAGE_UNAVAILABLE where the server turned one of them round.
 */
export function withCreateFlags(hop: Hop, from: Endpoint, sync: boolean): Hop {
  const query = new URLSearchParams(hop.path.slice(hop.path.indexOf('?') + 1))
  let path = hop.path.includes('?') ? hop.path : `${hop.path}?`
  for (const name of ['overwrite', 'createparent']) {
    const found = query.getAll(name)
    if (found.some((value) => value !== 'false'))
      throw new StateStoreError(
        'TIDEMARK_STORAGE_UNAVAILABLE',
        `Expected ${describeEndpoint(from)} to redirect a CREATE with ${name}=false, as it was asked, got another value. Nothing was sent there.`,
      )
    if (found.length === 0) path += `&${name}=false`
  }
  // NameNodes encode the comma twice; any form of it that names the flag will do.
  if (sync && !query.getAll('createflag').some((value) => value.includes('SYNC_BLOCK')))
    path += '&createflag=CREATE%2CSYNC_BLOCK'
  return { endpoint: hop.endpoint, path }
}
