// Join the style sheets of the site into one and leave out the rules that no page and no script can use.
//
//   node purge_css.mjs OUTDIR SHEET...   (paths relative to OUTDIR/_static, in the order of the pages)
//
// The themes carry all of Bootstrap; a page uses about a tenth of it, and style sheets hold up the first paint.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { PurgeCSS } from "purgecss";

const [outdir, ...sheets] = process.argv.slice(2);
const statics = join(outdir, "_static");

const under = (folder) => readdirSync(folder, { recursive: true }).map((name) => join(folder, name));
// the data of figures have a sheet of their own
const pages = under(outdir).filter((path) => path.endsWith(".html") && !path.startsWith(join(outdir, "_figures")));
// scripts name the classes that they set; plotly brings its own style sheet
const scripts = under(statics).filter((path) => path.endsWith(".js") && !/plotly|fontawesome/.test(path));
const content = [...pages, ...scripts].map((path) => ({ raw: readFileSync(path, "utf8"), extension: path.endsWith(".js") ? "js" : "html" }));

// an address in a sheet is relative to that sheet; the joined one lies at the top of _static
const rebase = (css, sheet) => css.replace(/url\((['"]?)(?!data:|#|https?:|\/)([^'")]+)\1\)/g,
  (_, quote, path) => `url(${quote}${posix.join(dirname(sheet), path)}${quote})`);

// a sheet that imports another stands for both
// the icon font is not on the site: icons are masks, see assets.py
const read = (sheet) => rebase(readFileSync(join(statics, sheet), "utf8"), sheet)
  .replace(/@font-face\s*\{[^}]*Font\\? Awesome[^}]*\}/g, "")
  .replace(/@import\s+(?:url\()?['"]([^'"]+)['"]\)?;/g, (_, path) => read(posix.join(dirname(sheet), path)));

const results = await new PurgeCSS().purge({
  content,
  css: sheets.map((sheet) => ({ raw: read(sheet) })),
  // not fontFace: it does not read the shorthand `font: ... KaTeX_Main`, and would drop the letters of all formulas
  keyframes: true,
  safelist: { greedy: [/data-theme/, /data-mode/, /data-bs-popper/] },
  dynamicAttributes: ["aria-expanded", "aria-current", "open", "hidden", "data-popper-placement", "data-state"],
});
// a selector list that lost all its parts leaves nothing; licences in /*! */ comments stay
writeFileSync(join(statics, "site.css"), results.map((result) => result.css.replace(/\/\*(?!!)[\s\S]*?\*\//g, "")).join("\n"));
