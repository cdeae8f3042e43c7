/** Types of rabbitmq.mjs for the tests. */
export interface RabbitMqProgram {
  readonly command: string
  readonly env: Readonly<Record<string, string>>
}
export declare const RABBITMQ_READY: RegExp
export declare function rabbitMqProgram(
  dir: string,
  ports: readonly [port: number, distPort: number, epmdPort: number],
): RabbitMqProgram
export declare function endEpmd(program: RabbitMqProgram): void
