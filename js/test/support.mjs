// A backend in a process of its own, behind a door that can be shut.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const EXECUTABLE = process.env.ISOBASE_TEST_EXECUTABLE;

/** The executable with an app, which can be stopped and started again at one address. */
export class Backend {
  static #running = new Set();
  #child = null;
  #sockets = new Set();
  #port = null;
  #folder = mkdtempSync(join(tmpdir(), "isobase-js-"));
  #door;
  log = "";
  /** Answers are thrown away, and their connections cut. */
  swallows = 0;

  static {
    // Also when a test fails.
    process.on("exit", () => {
      for (const child of Backend.#running) child.kill("SIGKILL");
    });
  }

  /** An app of these files. */
  static async start(files) {
    const backend = new Backend();
    for (const [name, text] of Object.entries(files)) {
      const path = join(backend.#folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
    await backend.#open();
    await backend.run();
    return backend;
  }

  /** The app that `isobase new` makes. */
  static async startNew() {
    const backend = new Backend();
    const folder = backend.#folder;
    execFileSync(EXECUTABLE, ["new", "."], { cwd: folder, env: { PATH: process.env.PATH, HOME: folder }, stdio: "ignore" });
    await backend.#open();
    await backend.run();
    return backend;
  }

  /** Of the app and its data. */
  get folder() {
    return this.#folder;
  }

  get url() {
    return `http://127.0.0.1:${this.#door.address().port}`;
  }

  async run() {
    const child = spawn(EXECUTABLE, ["serve", this.#folder, "0"], {
      cwd: this.#folder,
      env: { PATH: process.env.PATH, HOME: this.#folder },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    Backend.#running.add(child);
    child.on("exit", () => Backend.#running.delete(child));
    let said = "";
    const hear = (chunk) => {
      said += chunk;
      this.log += chunk;
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    const port = await until("the address of the backend", () => {
      if (child.exitCode !== null) throw new Error(`the backend ended: ${said}`);
      // With what follows: a number may come in two pieces.
      return said.match(/http:\/\/127\.0\.0\.1:([0-9]+)[^0-9]/)?.[1];
    });
    const isLive = () => fetch(`http://127.0.0.1:${port}/livez`, { signal: AbortSignal.timeout(5_000) }).then(({ ok }) => ok, () => false);
    await until("the backend", isLive);
    this.#port = Number(port);
  }

  /** Asks it to stop, and waits until it has; with SIGKILL it has no say. */
  async stop(signal = "SIGTERM") {
    const child = this.#child;
    const ended = new Promise((resolve) => child.on("exit", resolve));
    child.kill(signal);
    await ended;
    this.#child = null;
    this.#port = null;
  }

  /** Cuts every connection. */
  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }

  async end() {
    if (this.#child) await this.stop("SIGKILL");
    this.cut();
    await new Promise((resolve) => this.#door.close(resolve));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #open() {
    this.#door = net.createServer((client) => {
      const keep = (socket) => {
        this.#sockets.add(socket);
        socket.on("close", () => this.#sockets.delete(socket));
        socket.on("error", () => socket.destroy());
      };
      keep(client);
      if (this.#port === null) return client.destroy();
      const server = net.connect(this.#port, "127.0.0.1");
      keep(server);
      client.pipe(server);
      server.on("data", (chunk) => {
        if (this.swallows > 0) {
          this.swallows -= 1;
          client.destroy();
          server.destroy();
        } else {
          client.write(chunk);
        }
      });
      server.on("close", () => client.destroy());
      client.on("close", () => server.destroy());
    });
    return new Promise((resolve) => this.#door.listen(0, "127.0.0.1", resolve));
  }
}

/** Waits until something is so. */
export async function until(what, holds) {
  const ends = Date.now() + 60_000;
  for (;;) {
    const found = await holds();
    if (found) return found;
    if (Date.now() > ends) throw new Error(`it never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
