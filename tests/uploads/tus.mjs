// Uploads with tus-js-client, through cuts and restarts, and reads the files that became of them.
//
//   node tus.mjs ENDPOINT PACKAGES COUNT BYTES [parallel|during|override|deferred]
//
// A line for each upload that has begun and each piece that was taken; at last a line of JSON. Fails when an upload was begun twice
// or a file has other bytes than were sent.

import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';

const [endpoint, packages, count, bytes, how] = process.argv.slice(2);
const { Upload } = createRequire(`${packages}/x.js`)('tus-js-client');

// Bytes that differ from one upload to the next.
function content(number) {
  const data = Buffer.alloc(Number(bytes));
  let state = number + 1;
  for (let at = 0; at < data.length; at += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    data[at] = state >>> 24;
  }
  return data;
}

const sum = (data) => createHash('sha256').update(data).digest('hex');

// Reads a file; the server may be starting.
async function read(url) {
  for (let left = 200; ; left -= 1) {
    try {
      const answer = await fetch(url);
      if (answer.ok) return Buffer.from(await answer.arrayBuffer());
      if (!left) throw new Error(`${url}: ${answer.status}`);
    } catch (error) {
      if (!left) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function upload(number) {
  const data = content(number);
  let begun = 0;
  return new Promise((resolve, reject) => {
    // Of a stream no one knows the length before its end.
    const source = how === 'deferred' ? Readable.from([data]) : data;
    const sending = new Upload(source, {
      endpoint,
      retryDelays: Array(400).fill(100),
      chunkSize: how === 'parallel' ? Infinity : 100_000,
      parallelUploads: how === 'parallel' ? 3 : 1,
      uploadDataDuringCreation: how === 'during',
      overridePatchMethod: how === 'override',
      uploadLengthDeferred: how === 'deferred',
      metadata: { filename: `file ${number}.bin`, note: 'ü' },
      onBeforeRequest: (request) => {
        const isNew = request.getMethod() === 'POST' && request.getURL() === endpoint;
        begun += isNew ? 1 : 0;
      },
      onUploadUrlAvailable: () => console.log('begun'),
      onChunkComplete: () => console.log('piece'),
      onError: reject,
      onSuccess: async ({ lastResponse }) => {
        try {
          const place = lastResponse.getHeader('Content-Location');
          const file = new URL(place, endpoint).href;
          if (sum(await read(file)) !== sum(data)) throw new Error(`${file} has other bytes`);
          resolve({ file, begun, url: sending.url });
        } catch (error) {
          reject(error);
        }
      },
    });
    sending.start();
  });
}

const done = await Promise.all(Array.from({ length: Number(count) }, (_, number) => upload(number)));
const twice = done.filter(({ begun }) => begun !== (how === 'parallel' ? 4 : 1));
console.log(JSON.stringify({ files: done.length, twice: twice.length }));
