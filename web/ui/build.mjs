// SPDX-License-Identifier: Apache-2.0
//
// Bundles src/ into dist/, with names that hold a hash of the content.
//
//   node build.mjs [--embed] [--watch]
//
// --embed also writes ui_assets_data.S and ui_assets_data.cc, which put dist/ into the binary.
// Everything is read from and written to the folder of this script (as called, links not followed).
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

const root = process.cwd();
const dist = join(root, 'dist');
const esbuild = createRequire(join(root, 'package.json'))('esbuild');

const contentTypes = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
};

const options = {
  absWorkingDir: root,
  entryPoints: { app: 'src/main.ts' },
  bundle: true,
  format: 'esm',
  target: ['es2020'],
  minify: true,
  legalComments: 'none',  // See writeLicences.
  preserveSymlinks: true,
  entryNames: 'assets/[name]-[hash]',
  outdir: dist,
  metafile: true,
  logLevel: 'warning',
};

/** Puts the hashed names into index.html, of which an agent has its own, and copies the other static files. */
function writeStatic(metafile) {
  const built = Object.keys(metafile.outputs).map((path) => path.replace(/^dist\//, ''));
  const named = (ext) => built.find((path) => path.startsWith('assets/app-') && path.endsWith(ext));
  for (const name of readdirSync(join(root, 'static'))) {
    let text = readFileSync(join(root, 'static', name), 'utf8');
    if (name === 'index.html') {
      text = text.replace('{{app.css}}', named('.css')).replace('{{app.js}}', named('.js'));
      writeFileSync(join(dist, 'agent.html'), text.replace('{{mode}}', 'agent'));
      text = text.replace('{{mode}}', 'server');
    }
    writeFileSync(join(dist, name), text);
  }
}

/** Collects the licences of the bundled packages: most of them ask to be passed on. */
function writeLicences(metafile) {
  const packages = new Set(Object.keys(metafile.inputs)
    .map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]).filter(Boolean));
  const texts = [...packages].sort().map((name) => {
    const folder = join(root, 'node_modules', name);
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file ? readFileSync(join(folder, file), 'utf8').trim() : '';
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
  writeFileSync(join(dist, 'assets/licences.txt'), texts.join(`\n${'-'.repeat(80)}\n\n`));
}

function listFiles(folder, prefix = '') {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? listFiles(join(folder, entry.name), `${prefix}/${entry.name}`)
      : [`${prefix}/${entry.name}`],
  ).sort();
}

/** Writes an assembler file with the bytes and a C++ file with the table of them. */
function embed() {
  const asm = ['# Written by web/ui/build.mjs.', '.section .rodata, "a", @progbits'];
  const declarations = [];
  const rows = [];
  const object = (symbol, path) => {
    asm.push(`.global ${symbol}`, '.balign 16', `${symbol}:`, `.incbin "${path}"`);
    declarations.push(`extern const char ${symbol}[];`);
  };
  listFiles(dist).filter((path) => !path.endsWith('.gz')).forEach((path, i) => {
    const bytes = readFileSync(join(dist, path));
    const gzip = gzipSync(bytes, { level: 9 });
    object(`narthex_ui_file_${i}`, join(dist, path));
    let packed = '{}';
    if (gzip.length < bytes.length * 0.9) {
      writeFileSync(join(dist, `${path}.gz`), gzip);
      object(`narthex_ui_gzip_${i}`, join(dist, `${path}.gz`));
      packed = `std::string_view(narthex_ui_gzip_${i}, ${gzip.length})`;
    }
    const etag = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
    const type = contentTypes[extname(path)] ?? 'application/octet-stream';
    rows.push(`      {"${path}", {std::string_view(narthex_ui_file_${i}, ${bytes.length}), ` +
      `${packed}, "${type}", "\\"${etag}\\"", ${/^\/assets\/app-\w+\./.test(path)}}},`);
  });
  asm.push('.section .note.GNU-stack, "", @progbits', '');
  writeFileSync(join(root, 'ui_assets_data.S'), asm.join('\n'));
  writeFileSync(join(root, 'ui_assets_data.cc'), `// Written by web/ui/build.mjs.
#include <array>

#include "web/ui/ui_assets_table.h"

extern "C" {
${declarations.join('\n')}
}

namespace narthex::web::ui {

std::span<const NamedAsset> Assets() {
  static const std::array<NamedAsset, ${rows.length}> assets = {{
${rows.join('\n')}
  }};
  return assets;
}

}  // namespace narthex::web::ui
`);
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
if (process.argv.includes('--watch')) {
  const onEnd = { name: 'static', setup: (build) => build.onEnd((r) => r.metafile && writeStatic(r.metafile)) };
  const context = await esbuild.context({ ...options, minify: false, sourcemap: 'inline', plugins: [onEnd] });
  await context.watch();
} else {
  try {
    const { metafile } = await esbuild.build(options);
    writeStatic(metafile);
    writeLicences(metafile);
  } catch {
    process.exit(1);  // esbuild has printed what is wrong.
  }
  if (process.argv.includes('--embed')) embed();
}
