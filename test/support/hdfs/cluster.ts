// A real HDFS on loopback: one NameNode or a pair, with DataNodes, in one JVM (MiniCluster.java), driven by commands.
//
// The superuser is `hdfs`; `/tmp` is open to everybody. DataNodes have two lives: those in the JVM, which are stopped and started again, and those
// in processes of their own (startDataNodeProcess), which can be killed in the middle of a write.

import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { InstalledHadoop } from './install.ts'
import { JavaProcess } from './java-process.ts'

const HOST = '127.0.0.1'
export const SUPERUSER = 'hdfs'

export interface ClusterOptions {
  /** A pair of NameNodes, of which the first is active. Default false. */
  readonly ha?: boolean
  /** DataNodes in the JVM. Default 1; 0 for a cluster that has only such as are processes of their own, or none. */
  readonly dataNodes?: number
  /** Whether permissions are enforced. Default true. */
  readonly permissions?: boolean
  /** More settings of Hadoop, by name. */
  readonly settings?: Readonly<Record<string, string>>
}

export interface NameNodeAddress {
  readonly host: string
  /** Of HTTP. */
  readonly port: number
  readonly rpcPort: number
}

export interface DataNodeProcess {
  readonly pid: number
  /** With SIGKILL. The NameNode notices much later. */
  kill(): Promise<void>
  stop(): Promise<void>
}

export class HdfsCluster implements AsyncDisposable {
  readonly nameNodes: readonly NameNodeAddress[]
  readonly #installed: InstalledHadoop
  readonly #options: ClusterOptions
  readonly #folder: string
  readonly #dataNodeProcesses: JavaProcess[] = []
  #java: JavaProcess

  private constructor(
    installed: InstalledHadoop,
    options: ClusterOptions,
    folder: string,
    nameNodes: readonly NameNodeAddress[],
    java: JavaProcess,
  ) {
    this.#installed = installed
    this.#options = options
    this.#folder = folder
    this.nameNodes = nameNodes
    this.#java = java
  }

  static async start(
    installed: InstalledHadoop,
    options: ClusterOptions = {},
  ): Promise<HdfsCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-hdfs-'))
    const ports = await freePorts(options.ha === true ? 4 : 2)
    const nameNodes: NameNodeAddress[] = []
    for (let i = 0; i < ports.length; i += 2)
      nameNodes.push({ host: HOST, port: ports[i], rpcPort: ports[i + 1] })
    const args = clusterArguments(installed, options, folder, nameNodes, false)
    const java = await JavaProcess.start(args, environment(folder))
    const cluster = new HdfsCluster(installed, options, folder, nameNodes, java)
    await cluster.makeDirectories('/tmp', '1777')
    return cluster
  }

  /** Of the JVM. */
  get pid(): number {
    return this.#java.pid
  }

  /** The address of a path, as `webhdfs://host:port[,host:port]/path`. */
  location(path: string): string {
    const hosts = this.nameNodes.map(({ host, port }) => `${host}:${port}`)
    return `webhdfs://${hosts.join(',')}${path}`
  }

  /** Makes a folder and its parents, with `mode` in octal for the folder itself. */
  async makeDirectories(path: string, mode = '755'): Promise<void> {
    await this.#java.ask('mkdirs', path)
    await this.setPermission(path, mode)
  }

  /** `mode` is octal: '755'. */
  async setPermission(path: string, mode: string): Promise<void> {
    await this.#java.ask('permission', path, mode)
  }

  async setOwner(path: string, owner: string): Promise<void> {
    await this.#java.ask('owner', path, owner)
  }

  /** How many names, and how many bytes (replicas count), a folder may hold. Left out: no limit. */
  async setQuota(path: string, quota: { names?: number; bytes?: number }): Promise<void> {
    await this.#java.ask('quota', path, quota.names ?? 'none', quota.bytes ?? 'none')
  }

  /** Of the active NameNode. */
  async safeMode(on: boolean): Promise<void> {
    await this.#java.ask('safemode', on)
  }

  /** Orderly, but clients see what they would see of a dead process: connections refused. */
  async stopNameNode(index: number): Promise<void> {
    await this.#java.ask('stopnn', index)
  }

  /** In a pair it comes back as a standby. Without `wait` it may still be in its safe mode of the start. */
  async startNameNode(index: number, { wait = true } = {}): Promise<void> {
    await this.#java.ask('startnn', index, wait)
  }

  /** Makes NameNode `to` the active one; the other becomes a standby first, if it lives. */
  async failover(to: number): Promise<void> {
    await this.#java.ask('active', to)
  }

  /** Makes it a standby, so that no NameNode is active. */
  async toStandby(index: number): Promise<void> {
    await this.#java.ask('standby', index)
  }

  /** Stops a DataNode of the JVM in the middle of whatever it does. */
  async killDataNode(index = 0): Promise<void> {
    await this.#java.ask('stopdn', index)
  }

  /** Starts all that were stopped again, on the ports they had, and waits until they are known. */
  async startDataNodes(): Promise<void> {
    await this.#java.ask('startdn')
  }

  /** How many run in the JVM. */
  async dataNodeCount(): Promise<number> {
    return Number(await this.#java.ask('datanodes'))
  }

  /** Gives up the lease of a file whose writer is gone; true once it is closed. */
  async recoverLease(path: string): Promise<boolean> {
    return (await this.#java.ask('recover', path)) === 'true'
  }

  /** After how long others may take over (soft), and the NameNode closes by itself (hard), a file whose writer is silent. */
  async setLeasePeriods(softMs: number, hardMs: number): Promise<void> {
    await this.#java.ask('leases', softMs, hardMs)
  }

  /** One more DataNode, in a process of its own. Resolves when it serves. */
  async startDataNodeProcess(): Promise<DataNodeProcess> {
    const folder = await mkdtemp(join(this.#folder, 'data-node-'))
    const { host, rpcPort } = this.nameNodes[0]
    const java = await JavaProcess.start(
      [
        ...javaArguments(this.#installed, this.#folder),
        '--datanode',
        `${host}:${rpcPort}`,
        '--dir',
        folder,
        ...settingArguments(this.#options),
      ],
      environment(folder),
    )
    this.#dataNodeProcesses.push(java)
    return { pid: java.pid, kill: () => java.kill(), stop: () => java.end() }
  }

  /**
   * Kills the JVM with all it holds and starts it again on what lies on disk, on the ports that the NameNodes had. Not of a pair: the minicluster
   * always starts one with an empty shared journal.
   */
  async crash(): Promise<void> {
    if (this.#options.ha === true) throw new Error('Expected one NameNode, got a pair')
    await this.#java.kill()
    const args = clusterArguments(
      this.#installed,
      this.#options,
      this.#folder,
      this.nameNodes,
      true,
    )
    this.#java = await JavaProcess.start(args, environment(this.#folder))
  }

  async stop(): Promise<void> {
    for (const java of this.#dataNodeProcesses) await java.kill()
    await this.#java.end()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/** What a JVM leaves behind, Jetty above all, goes with the cluster's folder. */
function javaArguments({ classPath }: InstalledHadoop, folder: string): string[] {
  return [
    `-Djava.io.tmpdir=${folder}`,
    '-Xmx512m',
    '-XX:+UseSerialGC',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
    '-cp',
    classPath,
    'MiniCluster',
  ]
}

function clusterArguments(
  installed: InstalledHadoop,
  options: ClusterOptions,
  folder: string,
  nameNodes: readonly NameNodeAddress[],
  keep: boolean,
): string[] {
  return [
    ...javaArguments(installed, folder),
    '--dir',
    folder,
    '--datanodes',
    `${options.dataNodes ?? 1}`,
    '--keep',
    `${keep}`,
    ...nameNodes.flatMap(({ port, rpcPort }) => ['--namenode', `${port}:${rpcPort}`]),
    ...settingArguments(options),
  ]
}

function settingArguments({ permissions = true, settings = {} }: ClusterOptions): string[] {
  const all = { 'dfs.permissions.enabled': `${permissions}`, ...settings }
  return Object.entries(all).flatMap(([name, value]) => ['--set', `${name}=${value}`])
}

function environment(folder: string): Record<string, string> {
  return { HADOOP_USER_NAME: SUPERUSER, HADOOP_HOME: folder }
}

/** Ports that nobody has at the moment. They are fixed so that a NameNode comes back where it was. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  try {
    return await Promise.all(
      servers.map(async (server) => {
        await new Promise<void>((resolve, reject) => {
          server.once('error', reject).listen(0, HOST, resolve)
        })
        const address = server.address()
        if (address === null || typeof address === 'string') throw new Error('no port')
        return address.port
      }),
    )
  } finally {
    for (const server of servers) server.close()
  }
}
