// For tests of tasks on Node: a world in memory.

export function reset(): void;
export function bucket(name: string): void;
export function put(bucket: string, key: string, body: string | Uint8Array): void;
export function object(bucket: string, key: string): string | undefined;
export function keys(bucket: string): string[];
export function source(
  answer: (url: string, headers: [string, string][]) =>
    { status?: number; headers?: [string, string][]; body?: string | Uint8Array },
): void;
export function environment(variables: Record<string, string>): void;
export function log(): { level: string; context: string; message: string }[];
