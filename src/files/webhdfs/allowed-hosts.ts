// Which hosts a NameNode may send us to. Whoever can make a NameNode answer with a redirect could otherwise point this process at any
// service its network reaches, and hand that service the file's bytes.

import { StateStoreError } from '../../errors.ts'
import type { Endpoint, HdfsLocation } from './location.ts'

/**
 * Names of hosts (`dn1.example`, `dn1.example:9864`), whole domains (`*.example`), or a function that decides. Names are compared without
 * regard to case, as they stand: nothing is resolved.
 */
export type AllowedHosts = readonly string[] | ((host: string, port: number) => boolean)

export type HostCheck = (endpoint: Endpoint) => boolean

/**
 * The check for a location. Without `allowed`: the hosts of the location itself; loopback where the location is on loopback; hosts without a
 * dot where a NameNode is named without one; and hosts in the same domain as a NameNode, if that domain has two labels or more
 * (`nn1.hdfs.example` allows `*.hdfs.example`, `nn1.example` allows no other).
 */
export function hostCheck(location: HdfsLocation, allowed: AllowedHosts | undefined): HostCheck {
  if (typeof allowed === 'function') return ({ host, port }) => decide(allowed, host, port)
  const names = (allowed ?? []).map((name) => name.toLowerCase().replaceAll(/[[\]]/g, ''))
  const own = location.nameNodes.map((nameNode) => nameNode.host)
  if (allowed === undefined) names.push(...own.map(domainOf).filter((domain) => domain !== ''))
  const loopbackToo = allowed === undefined && own.some(isLoopback)
  const bareToo = allowed === undefined && own.some(isBareName)
  return ({ host, port }) =>
    own.includes(host) ||
    (loopbackToo && isLoopback(host)) ||
    (bareToo && isBareName(host)) ||
    names.some((name) =>
      name.startsWith('*.')
        ? host.endsWith(name.slice(1))
        : name === host || name === `${host}:${port}`,
    )
}

function decide(
  allowed: (host: string, port: number) => boolean,
  host: string,
  port: number,
): boolean {
  try {
    return allowed(host, port)
  } catch (error) {
    throw new StateStoreError(
      'TIDEMARK_INVALID_OPTIONS',
      'Expected the WebHDFS option `allowedHosts` to decide, but it threw; see the cause.',
      { cause: error },
    )
  }
}

/** `*.` and all labels but the first, where two or more are left; '' for an address and for anything shorter. */
function domainOf(host: string): string {
  const labels = host.split('.')
  if (isAddress(host) || labels.length < 3) return ''
  return `*.${labels.slice(1).join('.')}`
}

function isBareName(host: string): boolean {
  return !host.includes('.') && !isAddress(host) && host !== 'localhost'
}

function isAddress(host: string): boolean {
  return host.includes(':') || /^[\d.]+$/.test(host)
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}
