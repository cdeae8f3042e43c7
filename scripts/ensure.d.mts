/** Types of ensure.mjs for the tests. */
export declare const root: string
export declare function nodeIsNewEnough(version: string): boolean
export declare function whyInstall(dir?: string): string | undefined
export declare function sourceHash(dir?: string): string
