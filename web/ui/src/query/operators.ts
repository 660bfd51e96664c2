// SPDX-License-Identifier: Apache-2.0
//
// What the server tells of the operators of a query (explain=true), as the rows of a tree.

export interface Operator {
  type: string;
  name?: string;
  position: { start: number; end: number };  // In the query, in bytes.
  steps: number;
  series: number;
  samples: number;      // In the rows that it gave.
  samplesRead: number;  // From the storage.
  bytes: number;        // Memory of the rows.
  cpuTime: number;      // Seconds of all threads, without the operators below.
  children: Operator[];
}

export interface OperatorRow {
  operator: Operator;
  text: string;
  level: number;   // 1 = the whole query.
  parent: number;  // Index of its row; -1 = none.
  share: number;   // Of the CPU time of all operators, 0 to 1.
}

/** The operators, each before those below it. */
export function operatorRows(query: string, root: Operator): OperatorRow[] {
  const bytes = new TextEncoder().encode(query);
  const rows: OperatorRow[] = [];
  const add = (operator: Operator, level: number, parent: number): void => {
    const index = rows.push({ operator, text: ownText(bytes, operator), level, parent, share: 0 }) - 1;
    for (const child of operator.children) add(child, level + 1, index);
  };
  add(root, 1, -1);
  const all = cpuTimeOf(rows);
  if (all > 0) for (const row of rows) row.share = row.operator.cpuTime / all;
  return rows;
}

export const cpuTimeOf = (rows: OperatorRow[]): number =>
  rows.reduce((sum, { operator }) => sum + operator.cpuTime, 0);

/** What the query says of an operator, with … for the operators below: they have rows of their own. */
function ownText(query: Uint8Array, { type, name, position, children }: Operator): string {
  const piece = (start: number, end: number): string => new TextDecoder().decode(query.subarray(start, end));
  let text = '';
  let at = position.start;
  for (const { position: inner } of [...children].sort((a, b) => a.position.start - b.position.start)) {
    if (inner.start < at || inner.end > position.end) continue;
    text += `${piece(at, inner.start)}…`;
    at = inner.end;
  }
  text = (text + piece(at, position.end)).trim();
  return text === '' || text === '…' ? name ?? type : text;
}
