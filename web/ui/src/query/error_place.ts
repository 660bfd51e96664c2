// SPDX-License-Identifier: Apache-2.0

/** Where a parse error is, from "… 1:5: parse error: …". */
export function errorPlace(message: string): { line: number; column: number } | null {
  const match = /(?:^|[\s:])(\d+):(\d+): parse error/.exec(message);
  return match ? { line: Number(match[1]), column: Number(match[2]) } : null;
}
