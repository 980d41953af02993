import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// While pages are written, `MONOSEMA=http://127.0.0.1:8765 npm run dev` sends what they ask to a server.
const server = process.env.MONOSEMA ?? "http://127.0.0.1:8765";
// Host stays as the page has it: the server refuses what a page of another origin asks.
const proxy = Object.fromEntries(["/api", "/v1", "/healthz"].map((path) => [path, { target: server, changeOrigin: false }]));

export default defineConfig({
  // Relative, so that the same files open below any path and from a static host.
  base: "./",
  plugins: [svelte()],
  build: {
    outDir: "../src/monosema/server/web",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
  },
  server: { proxy },
  preview: { proxy },
  test: { include: ["src/**/*.test.ts"] },
});
