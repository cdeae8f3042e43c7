/** Finds commands of the system. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Where a command is: on the PATH, or where systems keep servers that only root has on it; undefined without one. */
export function pathOf(command) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return folders
    .map((folder) => join(folder, command))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}
