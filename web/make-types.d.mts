export const TYPES: string;
export function makeTypes(): Promise<string>;
