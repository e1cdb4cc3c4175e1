/**
 * The one interface behind which a virtual machine is started, observed and ended.
 *
 * Two implementations exist: `libos` (an `ebbtender` process running a LibOS node) and `process` (plain Node with the same
 * action runtime; the baseline of every comparison). Users of a Vm (the invoker, loadgen, `npm run vm`) never
 * ask which one they hold.
 */

import type { Profile } from './paths.ts';

/** How a VM was started; annotated on activations and counted in measurements. */
export type StartKind = 'cold' | 'warm' | 'hot';

/** What a VM was made from: its image, a template that booted before, or a snapshot of its function. The last makes a warm start. */
export type VmOrigin = 'boot' | 'template' | 'snapshot';

/** Which tender confines the guest. `auto` takes KVM when /dev/kvm is usable. */
export type TenderKind = 'auto' | 'kvm' | 'process';

export type { Profile } from './paths.ts';

export interface CpuShare {
  /** Weight against the other VMs of this host process, as of `docker --cpu-shares`. By cgroup, or roughly by priority where that is not permitted. */
  readonly shares: number;
  /** Hard limit in percent of one core; needs a cgroup. */
  readonly quotaPercent?: number;
}

/** One piece of guest output, in the order in which the guest wrote it. `bytes` need not end at a line or a character boundary, and are the listener's to keep: nobody writes to them again. */
export interface LogRecord {
  readonly stream: 'stdout' | 'stderr';
  /** Wall clock of the write, milliseconds since the epoch, fractional. */
  readonly time: number;
  readonly bytes: Uint8Array;
}

/** Why a VM is no more. `detail` is text for people (registers, reason), never parsed. */
export interface ExitReport {
  /**
   * - `ended`: end() or the parent asked for it
   * - `exit`: the guest called exit (code holds its status)
   * - `abort`: the guest died of a signal that it raised itself (SIGABRT, SIGKILL to itself ...); signal names it
   * - `fault`: an unhandled CPU fault in guest code or the LibOS
   * - `memory`: the guest was refused memory beyond its limit and then died of it
   * - `tender`: the tender itself failed (bad image, no KVM, killed by somebody)
   */
  readonly reason: 'ended' | 'exit' | 'abort' | 'fault' | 'memory' | 'tender';
  readonly code?: number;
  readonly signal?: string;
  readonly detail?: string;
  /** File with what is known of a crash (`fault`, `tender`), where one could be written. */
  readonly crashReport?: string;
}

export interface VmStats {
  /** Process ids that make up this VM on the host, the tender first. */
  readonly pids: readonly number[];
  readonly start: StartKind;
  readonly origin: VmOrigin;
  /** Resident memory of those processes, bytes (Pss where the kernel tells it). */
  readonly memoryBytes: number;
  /** Of that, what no other process has: pages that were copied when written to, or new. Absent where the kernel does not tell it. */
  readonly ownBytes?: number;
  /** CPU time of those processes, milliseconds. */
  readonly cpuMs: number;
  /** Page faults that the host served for those processes: pages mapped, made and copied. */
  readonly hostFaults?: number;
  readonly uptimeMs: number;
  /** Guest exits (KVM) or waits (process tender) since start; absent for the plain process target. */
  readonly exits?: number;
  /**
   * CPU exceptions of the guest that its tender handed to the LibOS since start: page faults on memory that was not
   * committed yet, traps of WebAssembly, wild accesses. Page faults that the host serves by itself are not among them.
   * Absent for the plain process target.
   */
  readonly faults?: number;
  /**
   * By the guest's own count, which a hostile guest can forge: its system calls, those of them that were traps and not function calls,
   * and its calls of the tender that submit or wait. Absent for the plain process target.
   */
  readonly syscalls?: number;
  readonly syscallsTrapped?: number;
  readonly enters?: number;
}

/** What a VM has cost until now, as far as it is told for next to nothing. */
export interface VmCost {
  /** As VmStats.hostFaults. */
  readonly faults?: number;
  /** As VmStats.exits. */
  readonly exits?: number;
}

/** A TCP port of the guest, and the address of the host where it is reached. */
export interface ExposedPort {
  readonly guestPort: number;
  /** IPv4 address. */
  readonly host: string;
  readonly port: number;
}

export interface Vm {
  /** Unique among the VMs of this host process; used in logs and file names. */
  readonly id: string;
  readonly target: 'libos' | 'process';
  readonly origin: VmOrigin;
  /** Unix stream socket behind which the guest's port 8080 (the action contract: POST /init, POST /run) answers. */
  readonly socketPath: string;
  /** Where BootOptions.expose ended up. */
  readonly exposed?: readonly ExposedPort[];
  /** Where a debugger connects to, when BootOptions.inspect asked for it. */
  readonly inspector?: Omit<ExposedPort, 'guestPort'>;
  /** Settles once, when the VM has ended for whatever reason and nothing of it is left (processes, socket). Never rejects. */
  readonly exited: Promise<ExitReport>;
  /** Called for every log record from now on; returns the function that stops it. Records that came before the first listener are kept (bounded) and replayed to it. */
  onLog(listener: (record: LogRecord) => void): () => void;
  /** Resolves when every record that the guest wrote before its last answer on the socket was delivered to the listeners. */
  flushLogs(): Promise<void>;
  stats(): Promise<VmStats>;
  /**
   * Cheap enough for every start: one question to the tender and a line of /proc for each process, 0.1 ms. stats() takes 2 to 3 ms, for memory
   * is told by a walk through all page tables. Rejects with VM_ENDED.
   */
  cost(): Promise<VmCost>;
  /**
   * Writes what the VM is now, as soon as it has nothing to do, to `file`, from which others can be cloned
   * (CloneOptions.functionSnapshot). The VM goes on as if nothing had been, also when that fails: VM_SNAPSHOT_FAILED (it does not
   * come to rest, or is too large), VM_NO_SNAPSHOT (not a clone), VM_ENDED. The file holds secrets: it is the owner's alone, and
   * there either whole or not at all. `signal` interrupts it as long as the VM is held up: it goes on at once. Connections to the
   * guest are better closed before: each clone resets those that are open.
   */
  snapshot(file: string, signal?: AbortSignal): Promise<void>;
  /** Ends the VM at once (no grace: a guest may loop forever). Idempotent; resolves like `exited`. */
  end(): Promise<ExitReport>;
}

export interface InspectOptions {
  readonly host: string;
  readonly port: number;
  /** The VM serves nothing before a debugger has attached, and stops where the action's code begins. */
  readonly wait?: boolean;
}

export interface BootOptions {
  /** Action kind, e.g. `nodejs:24`. */
  readonly kind: string;
  readonly profile?: Profile;
  readonly tender?: TenderKind;
  /** Memory limit in MiB: what the guest may commit. */
  readonly memoryMb: number;
  /** Its part of the CPU where VMs compete for it. Absent: that of any process. */
  readonly cpu?: CpuShare;
  /** Environment of the guest's Node process, added to the image's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** TCP ports of the host's 127.0.0.1 that the guest may reach through the gateway address 10.0.2.2 (the API host is one). */
  readonly gatewayPorts?: readonly number[];
  /** Extra allowance for tests: connect to private addresses too. Default false. */
  readonly allowPrivateNetworks?: boolean;
  /** Also listen on this TCP port of 127.0.0.1 for guest port 8080. */
  readonly port?: number;
  /**
   * Ports of the guest that the host can reach, beside 8080; a VM of the process target has the ports of the host already. Port 0 takes a
   * free one. Without allowRemote the address must be one of loopback (VM_ADDRESS_REFUSED).
   */
  readonly expose?: readonly ExposedPort[];
  /** Starts Node's inspector and exposes it: who reaches it controls the guest. Never set unless an operator asks. */
  readonly inspect?: InspectOptions;
  /** `expose` and `inspect` also take addresses that other machines reach. */
  readonly allowRemote?: boolean;
  /** Called per syscall and hypercall line when tracing; absent = no tracing. */
  readonly onTrace?: (line: string) => void;
  /** Gives up (and ends what was started) when aborted. */
  readonly signal?: AbortSignal;
}

export interface CloneOptions extends BootOptions {
  /**
   * File of a snapshot() of a clone with the same kind, profile, tender, memory limit and environment: the VM goes on from there
   * (start kind `warm`) instead of from the template. VM_SNAPSHOT_REFUSED when it is missing, damaged, or not of this template.
   */
  readonly functionSnapshot?: string;
}

/** Boots a VM and resolves when the guest listens on port 8080. Rejects with a VmError. */
export type BootVm = (options: BootOptions) => Promise<Vm>;
