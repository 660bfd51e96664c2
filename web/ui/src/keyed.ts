// SPDX-License-Identifier: Apache-2.0
//
// A list that is shown again and again: what has not changed keeps its element, and with it the
// reader's focus, selection and what is opened.

export interface Row<T> {
  element: HTMLElement;
  /** Shows what may change without the key changing. */
  update(value: T): void;
}

/**
 * @param keyOf  of values that are shown by the same element; equal ones are told apart by their order
 * @return shows the values in the parent, which has no other children
 */
export function keyedList<T>(
  parent: Element, keyOf: (value: T) => string, make: (value: T) => Row<T>,
): (values: T[]) => void {
  let rows = new Map<string, Row<T>>();
  return (values) => {
    const shown = new Map<string, Row<T>>();
    values.forEach((value, i) => {
      let key = keyOf(value);
      while (shown.has(key)) key += '+';
      const row = rows.get(key) ?? make(value);
      shown.set(key, row);
      row.update(value);
      const there = parent.children[i] ?? null;
      if (there !== row.element) parent.insertBefore(row.element, there);
    });
    while (parent.children.length > values.length) parent.lastElementChild?.remove();
    rows = shown;
  };
}
