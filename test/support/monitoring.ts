/** The dashboard and the alerts of `monitoring/`, as far as tests look into them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

export const alertsFile: string = join(import.meta.dirname, '..', '..', 'monitoring', 'alerts.yml')
const dashboardFile: string = join(import.meta.dirname, '..', '..', 'monitoring', 'grafana-dashboard.json')

export interface Alert {
  readonly alert: string
  readonly expr: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export function alerts(): readonly Alert[] {
  const { groups } = parse(readFileSync(alertsFile, 'utf8')) as { groups: { rules: Alert[] }[] }
  return groups.flatMap(({ rules }) => rules)
}

export interface Panel {
  readonly title: string
  readonly queries: readonly string[]
}

/** Queries as Grafana would send them. */
export function panels(): readonly Panel[] {
  const dashboard = JSON.parse(readFileSync(dashboardFile, 'utf8')) as {
    panels: { title: string; targets?: { expr: string }[] }[]
  }
  return dashboard.panels.map(({ title, targets = [] }) => ({
    title,
    queries: targets.map(({ expr }) => expr.replaceAll('$__rate_interval', '5m').replaceAll('$job', '.*')),
  }))
}
