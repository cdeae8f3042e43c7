/** Types of commands.mjs for the tests. */
export declare function pathOf(command: string): string | undefined
