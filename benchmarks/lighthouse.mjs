// Measure pages of the built site with Lighthouse: `make lighthouse`, or
//
//   node benchmarks/lighthouse.mjs [PAGE ...]        (paths below _build/html)
//
// The site is served as a web host would serve it, compressed; every page is opened as on a desktop and as on a
// slow phone, three times each (RUNS=1 for a first look). The exit status is 1 when a page is under the bar.
import { readFileSync, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { gzipSync } from "node:zlib";
import { execFileSync } from "node:child_process";
import lighthouse, { desktopConfig } from "lighthouse";
import * as chromeLauncher from "chrome-launcher";

const SITE = new URL("../_build/html/", import.meta.url).pathname;
const BAR = {
  desktop: { performance: 95, accessibility: 100, "best-practices": 100, seo: 100 },
  mobile: { performance: 75, accessibility: 100, "best-practices": 100, seo: 100 },
};
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const TYPES = { ".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".mjs": "text/javascript",
  ".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp", ".woff2": "font/woff2", ".json": "application/json", ".ico": "image/x-icon" };

// By default one page of each kind: the landing page, the lab, text, a chapter with figures in space and in the plane,
// and the one whose figure holds most data.
const PAGES = ["book/index.html", "book/lab/the-lab.html", "book/how-to-read.html",
  "book/model/predicting-the-next-token.html", "book/simulations/phase-diagram.html"];
// The score of a run moves with whatever else the machine does: of three, the one in the middle counts.
const RUNS = Number(process.env.RUNS ?? 3);

function chromium() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const name of ["chromium", "chromium-browser", "google-chrome", "chromium-headless-shell"]) {
    try { return execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim(); } catch { /* the next name */ }
  }
  console.error("Chromium is missing: install it (Debian: apt-get install chromium) or set CHROMIUM to its path");
  process.exit(1);
}

const server = createServer((request, response) => {
  let path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
  if (path.endsWith("/")) path += "index.html";
  const file = join(SITE, path);
  if (!file.startsWith(SITE) || !existsSync(file)) { response.writeHead(404).end(); return; }
  const type = TYPES[extname(file)] ?? "application/octet-stream";
  const packed = /^(text|application|image\/svg)/.test(type);
  const body = packed ? gzipSync(readFileSync(file)) : readFileSync(file);
  response.writeHead(200, { "content-type": type, "content-length": body.length, "cache-control": "max-age=600",
    ...(packed ? { "content-encoding": "gzip" } : {}) });
  response.end(body);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${server.address().port}/`;
const chrome = await chromeLauncher.launch({ chromePath: chromium(), chromeFlags: FLAGS, ignoreDefaultFlags: true });

let under = 0;
console.log("page".padEnd(52), "form".padEnd(8), "perf", "a11y", "best", " seo", "  FCP s", "  LCP s", "  TBT ms", "   CLS", "   KiB");
for (const page of process.argv.length > 2 ? process.argv.slice(2) : PAGES) {
  for (const form of ["desktop", "mobile"]) {
    const runs = [];
    for (let run = 0; run < RUNS; run++) {
      runs.push((await lighthouse(origin + page, { port: chrome.port, logLevel: "error" }, form === "desktop" ? desktopConfig : undefined)).lhr);
    }
    const lhr = runs.sort((a, b) => a.categories.performance.score - b.categories.performance.score)[RUNS >> 1];
    const score = (category) => Math.round(100 * lhr.categories[category].score);
    const audit = (name) => lhr.audits[name].numericValue;
    const fails = Object.entries(BAR[form]).filter(([category, bar]) => score(category) < bar);
    under += fails.length;
    console.log(page.padEnd(52), form.padEnd(8),
      ...["performance", "accessibility", "best-practices", "seo"].map((c) => String(score(c)).padStart(4)),
      (audit("first-contentful-paint") / 1000).toFixed(1).padStart(7), (audit("largest-contentful-paint") / 1000).toFixed(1).padStart(7),
      audit("total-blocking-time").toFixed(0).padStart(8), audit("cumulative-layout-shift").toFixed(3).padStart(6),
      (audit("total-byte-weight") / 1024).toFixed(0).padStart(6), fails.length ? " UNDER THE BAR" : "");
    if (fails.length || process.env.VERBOSE) {
      for (const { id, title, score: value, details } of Object.values(lhr.audits)) {
        if (value !== null && value < 0.9) console.log(`    ${id} (${value}): ${title}`,
          process.env.VERBOSE > 1 ? JSON.stringify(details?.items ?? "").slice(0, 600) : "");
      }
    }
  }
}
await chrome.kill();
server.close();
process.exit(under ? 1 : 0);
