/** Types of jars.mjs for the tests. */
export declare const JARS: Readonly<
  Record<
    'zipkin',
    { readonly group: string; readonly artifact: string; readonly version: string; readonly classifier: string }
  >
>
export declare function jarOf(name: keyof typeof JARS): string
export declare function missingJars(): (keyof typeof JARS)[]
export declare function fetchJars(): number
