// Decodes pictures with sharp: upright, sRGB, first frame, raw RGBA. JSON lines {path, pixels} in, one answer a line out.
import { createInterface } from "node:readline";
import { writeFileSync } from "node:fs";
import sharp from "sharp";

sharp.concurrency(1);
sharp.cache(false);

async function decode({ path, pixels }) {
  let metadata = {};
  try {
    metadata = await sharp(path, { limitInputPixels: false }).metadata();
    const { data, info } = await sharp(path)
      .autoOrient()
      .toColourspace("srgb")
      .ensureAlpha()
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    writeFileSync(pixels, data);
    return { metadata: summary(metadata), size: [info.width, info.height], channels: info.channels };
  } catch (error) {
    return { metadata: summary(metadata), error: String(error.message).split("\n")[0] };
  }
}

function summary({ format, width, height, pages, compression, space, depth, bitsPerSample, hasAlpha }) {
  return { format, width, height, pages, compression, space, depth, bitsPerSample, hasAlpha };
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await decode(JSON.parse(line))));
}
