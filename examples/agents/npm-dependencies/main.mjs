// stdin is the input, stdout the output, stderr the log; any other exit code than 0 is a failure.
import { readFileSync } from "node:fs";

const KINDS = ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"];
const MOST = 200;

function source(range) {
  if (/^(git(\+[a-z]+)?:|github:|gitlab:|bitbucket:|[\w.-]+\/[\w.-]+(#.*)?$)/.test(range)) return "git";
  if (/^https?:/.test(range)) return "url";
  if (/^(file|link|workspace):/.test(range)) return "file";
  if (range.startsWith("npm:")) return "alias";
  if (/^v?\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$/.test(range)) return "exact";
  if (range === "" || range === "*" || range === "x" || range === "latest") return "any";
  return /\d/.test(range) ? "range" : "tag";
}

function pinned(one) {
  return one.source === "exact" || one.source === "file" || (one.source === "git" && /#[0-9a-f]{40}$/.test(one.range));
}

function list(text) {
  const described = JSON.parse(text);
  if (described === null || typeof described !== "object" || Array.isArray(described)) {
    throw new Error("package.json is not an object");
  }
  const found = [];
  for (const kind of KINDS) {
    for (const [name, range] of Object.entries(described[kind] ?? {})) {
      const asked = String(range).trim();
      found.push({ name: name.slice(0, 214), range: asked.slice(0, 300), kind, source: source(asked) });
    }
  }
  const byKind = Object.fromEntries(KINDS.map((kind) => [kind, found.filter((one) => one.kind === kind).length]));
  const loose = found.filter((one) => one.kind !== "peerDependencies" && !pinned(one)).map((one) => one.name);
  return {
    name: String(described.name ?? "").slice(0, 214),
    total: found.length,
    truncated: found.length > MOST,
    by_kind: byKind,
    dependencies: found.slice(0, MOST),
    unpinned: [...new Set(loose)].sort().slice(0, MOST),
  };
}

try {
  const { package_json: text } = JSON.parse(readFileSync(0, "utf8"));
  const answer = list(text);
  console.error(`${answer.total} dependencies, ${answer.unpinned.length} not pinned; node ${process.version}`);
  process.stdout.write(JSON.stringify(answer));
} catch (error) {
  console.error(`package.json cannot be read: ${error.message}`);
  process.exitCode = 1;
}
