import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The web server serves `dist` under /static/ and its index.html for every other address.
export default defineConfig(({ command }) => ({
  base: command === "build" ? "/static/" : "/",
  cacheDir: ".vite",
  plugins: [react()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  server: {
    proxy: {
      "/api": {
        target: process.env.LIKENESS_API ?? "http://127.0.0.1:8000",
        // The server compares the page's origin with the host it is asked as.
        changeOrigin: false,
      },
    },
  },
  build: {
    target: "es2023",
    // The content security policy allows no data: fonts or scripts.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
  },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/testing/setup.ts"],
    css: false,
    restoreMocks: true,
  },
}));
