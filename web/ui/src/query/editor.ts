// SPDX-License-Identifier: Apache-2.0
//
// The PromQL editor: CodeMirror with Prometheus's language package, completion from our own API.
import {
  acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionStatus,
  moveCompletionSelection,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, insertNewlineAndIndent } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { lintKeymap, setDiagnostics } from '@codemirror/lint';
import { EditorState, Prec } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';
import { baseUrl } from '../api';

const colours = HighlightStyle.define([
  { tag: [tags.number, tags.literal], class: 'tok-number' },
  { tag: tags.string, class: 'tok-string' },
  { tag: [tags.keyword, tags.modifier, tags.operatorKeyword], class: 'tok-keyword' },
  { tag: tags.function(tags.variableName), class: 'tok-function' },
  { tag: tags.labelName, class: 'tok-label' },
  { tag: [tags.operator, tags.arithmeticOperator, tags.logicOperator], class: 'tok-operator' },
  { tag: tags.comment, class: 'tok-comment' },
  { tag: tags.invalid, class: 'tok-invalid' },
]);

export interface Editor {
  readonly element: HTMLElement;
  text(): string;
  focus(): void;
  /** Underlines the place of a server error; line and column count from 1. */
  markError(line: number, column: number, message: string): void;
  clearError(): void;
  destroy(): void;
}

// Completion loads its metric names once for all panels.
let shared: PromQLExtension | null = null;
function language(): PromQLExtension {
  shared ??= new PromQLExtension().setComplete({
    remote: { url: baseUrl.replace(/\/$/, ''), cache: { maxAge: 5 * 60 * 1000 } },
  });
  return shared;
}

export function newEditor(
  text: string, onRun: () => void, onChange: (text: string) => void,
): Editor {
  const view = new EditorView({
    state: EditorState.create({
      doc: text,
      extensions: [
        history(), bracketMatching(), closeBrackets(), indentOnInput(),
        // Nothing is chosen when the list opens, so that Enter runs the query as it stands.
        autocompletion({ selectOnOpen: false, interactionDelay: 0 }),
        syntaxHighlighting(colours),
        language().asExtension(),
        EditorView.lineWrapping,
        placeholder('Expression (Enter runs it, Shift+Enter starts a new line)'),
        EditorView.contentAttributes.of({ 'aria-label': 'PromQL expression', spellcheck: 'false' }),
        Prec.highest(keymap.of([{ key: 'Tab', run: completeWithTab }])),
        Prec.high(keymap.of([
          { key: 'Enter', run: (v) => !acceptCompletion(v) && (onRun(), true) },
          { key: 'Mod-Enter', run: () => (onRun(), true) },
          { key: 'Shift-Enter', run: insertNewlineAndIndent },
        ])),
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...lintKeymap]),
        EditorView.updateListener.of((u) => { if (u.docChanged) onChange(u.state.doc.toString()); }),
      ],
    }),
  });
  return {
    element: view.dom,
    text: () => view.state.doc.toString(),
    focus: () => view.focus(),
    markError: (line, column, message) => markError(view, line, column, message),
    clearError: () => view.dispatch(setDiagnostics(view.state, [])),
    destroy: () => view.destroy(),
  };
}

/** Takes the first proposal; without a list Tab moves the focus on, as everywhere. */
function completeWithTab(view: EditorView): boolean {
  if (completionStatus(view.state) !== 'active') return false;
  return acceptCompletion(view) || (moveCompletionSelection(true)(view) && acceptCompletion(view));
}

function markError(view: EditorView, line: number, column: number, message: string): void {
  const doc = view.state.doc;
  if (line < 1 || line > doc.lines) return;
  const at = doc.line(line);
  const from = Math.min(at.from + Math.max(column - 1, 0), at.to);
  const to = Math.min(from + 1, at.to);
  view.dispatch(setDiagnostics(view.state, [
    { from: Math.min(from, Math.max(to - 1, at.from)), to, severity: 'error', message },
  ]));
}
