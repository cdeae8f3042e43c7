export function cpuUs(pid: number): number
export function processTree(root: number): number[]
export function treeCpuUs(pids: readonly number[]): number
export function treeRssKiB(pids: readonly number[]): number
