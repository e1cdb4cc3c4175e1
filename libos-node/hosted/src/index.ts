/** What other workspaces see of the hosted side: the Vm interface, its errors, and the two ways to boot one. */
export { VmError, type VmErrorCode, vmErrorCodes } from './errors.ts';
export { kvmRefusal } from './kvm.ts';
export { cpuGroups, sharesOf } from './libos/cpu-groups.ts';
export { maxReports, readReports, type StoredReport } from './libos/crash-report.ts';
export { bootLibos, createBootLibos, type LibosSettings } from './libos/libos-vm.ts';
export { type TemplateEvent, Templates, type TemplatesSettings } from './libos/templates.ts';
export { reapOrphans } from './owner/orphans.ts';
export { ownersFolder } from './owner/owner-folder.ts';
export * from './paths.ts';
export { PreparedVms, type PreparedVmsOptions } from './prepared-vms.ts';
export { bootProcess, createProcessBoot, type ProcessTargetOptions } from './process/process-vm.ts';
export type {
  BootOptions,
  BootVm,
  CloneOptions,
  CpuShare,
  ExitReport,
  ExposedPort,
  InspectOptions,
  LogRecord,
  StartKind,
  TenderKind,
  Vm,
  VmCost,
  VmOrigin,
  VmStats,
} from './vm.ts';
