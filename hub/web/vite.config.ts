import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { compressed } from './scripts/compressed.ts';

// Browsers of the last two years: they know light-dark(), :has() and nesting, so nothing is translated for older ones.
const browsers = ['chrome123', 'edge123', 'firefox121', 'safari17.5'];

export default defineConfig({
  plugins: [react(), compressed()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: browsers,
    cssTarget: browsers,
    assetsInlineLimit: 2048,
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          // What several pages share in small pieces, an icon or a field, comes as one file with the frame and its styles:
          // each piece as a file of its own would be a request more.
          groups: [
            {
              name: 'common',
              test: /@tabler|@tanstack|src\/(?:api|parts)\/|src\/shell\/(?!SignIn)|flow\/(?:icons|pieces|sentences)|designer\/(?:context|state|model\/(?:tree|durations|conditions))\b|timeline\/(?:time|Elapsed)\b|pages\/history\/(?:words|RunText|Bone|filters|Kinds)\b|core\/esm\/components\/(?:Input|InputBase|TextInput|NativeSelect|Textarea|CloseButton|Button|ActionIcon|Loader|Group|UnstyledButton)\//,
            },
          ],
        },
      },
    },
  },
  server: {
    // `npm run dev` against a Hub that runs already; ONESTACK_HUB names another.
    proxy: Object.fromEntries(
      ['/api', '/openapi.json', '/healthz', '/readyz'].map((path) => [
        path,
        { target: process.env.ONESTACK_HUB ?? 'http://127.0.0.1:8080', changeOrigin: true },
      ]),
    ),
  },
  test: {
    css: false,
    projects: [
      // What draws nothing needs no document, and is tested in a fraction of the time.
      { extends: true, test: { name: 'logic', environment: 'node', include: ['src/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'drawn',
          environment: 'happy-dom',
          include: ['src/**/*.test.tsx'],
          setupFiles: ['src/testing.ts'],
          // On a busy machine a whole form takes its time to be drawn and typed in.
          testTimeout: 30_000,
        },
      },
    ],
  },
});
