// The other side of the benchmark: a line of JSON in, a line of JSON out, until standard input ends.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [modules] = process.argv.slice(2);
const sharp = createRequire(join(modules, "/"))("sharp");

const INSIDE = { fit: "inside", withoutEnlargement: true };
// What ours lays transparency on; sharp's own would be black.
const WHITE = { background: "#ffffff" };

// As sharp's documentation has it for several outputs of one input: one instance, a clone an output.
function cloned(input) {
  const image = sharp(input).autoOrient();
  return {
    "full webp": () => image.clone().webp({ quality: 80 }),
    "medium jpeg": () => image.clone().flatten(WHITE).resize(800, 600, INSIDE).jpeg({ quality: 85 }),
    "thumbnail jpeg": () => image.clone().flatten(WHITE).resize(300, 300, INSIDE).jpeg({ quality: 80 }),
  };
}

// As the original design had it: three pipelines that know nothing of each other, in one Promise.all.
function separate(input) {
  return {
    "full webp": () => sharp(input).autoOrient().webp({ quality: 80 }),
    "thumbnail jpeg": () =>
      sharp(input).autoOrient().flatten(WHITE).resize(300, 300, INSIDE).jpeg({ quality: 80 }),
    "medium jpeg": () =>
      sharp(input).autoOrient().flatten(WHITE).resize(800, 600, INSIDE).jpeg({ quality: 85 }),
  };
}

function avif(input, { max_side: side, ...options }) {
  return { "full avif": () => sharp(input).autoOrient().resize(side, side, INSIDE).avif(options) };
}

const TASKS = { cloned, separate, avif };

async function run({ task, path, repeat = 1, options = {}, out = null }) {
  const input = readFileSync(path);
  let outputs;
  const cpu = process.cpuUsage();
  const began = process.hrtime.bigint();
  for (let round = 0; round < repeat; round++) {
    const pipelines = Object.entries(TASKS[task](input, options));
    outputs = await Promise.all(
      pipelines.map(async ([name, make]) => ({ name, ...(await make().toBuffer({ resolveWithObject: true })) })),
    );
  }
  const wall = Number(process.hrtime.bigint() - began) / 1e6;
  const used = process.cpuUsage(cpu);
  return {
    cpu_ms: (used.user + used.system) / 1000 / repeat,
    wall_ms: wall / repeat,
    peak_kib: peak(),
    made: outputs.map(({ name, data, info }) => ({
      name,
      width: info.width,
      height: info.height,
      bytes: data.length,
      file: out === null ? null : written(out, data),
    })),
  };
}

function written(folder, data) {
  const file = join(folder, createHash("sha256").update(data).digest("hex").slice(0, 32));
  writeFileSync(file, data);
  return file;
}

// The kernel's own high-water mark of this program; the one in rusage would count the process that started it.
function peak() {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]);
  } catch {
    return null;
  }
}

console.log(
  JSON.stringify({
    ready: `sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips} with ${sharp.concurrency()} threads a pipeline, Node ${process.versions.node}`,
  }),
);
for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = await run(JSON.parse(line));
  } catch (error) {
    answer = { error: String(error.message ?? error) };
  }
  console.log(JSON.stringify(answer));
}
