import js from "@eslint/js";
import prettier from "eslint-config-prettier";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

const UP = "Imports go up only: app > features > components > config > lib.";
const FEATURES = "(accounts|assessment|catalog|studies|retrieval|jobs|analytics|people)";

const mayNotImport = (...rules) => [
  "error",
  { patterns: rules.map(([regex, message]) => ({ regex, message })) },
];

const noFeatures = ["^@/features", UP];
const noApp = ["^@/app", UP];
const noComponents = ["^@/components", UP];
const throughIndex = [
  `^@/features/${FEATURES}/.+`,
  "Use what the feature's index.ts offers; its insides are its own.",
];
const noNeighbour = [
  `^(\\.\\./)+${FEATURES}(/|$)`,
  "Import another feature as @/features/<name>, through its index.ts.",
];

export default tseslint.config(
  { ignores: ["dist", ".vite", "node_modules", "src/lib/api/schema.d.ts"] },
  js.configs.recommended,
  {
    files: ["**/*.{ts,tsx}"],
    extends: [tseslint.configs.recommendedTypeChecked, reactHooks.configs.flat.recommended],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-misused-promises": [
        "error",
        { checksVoidReturn: { attributes: false } },
      ],
      "@typescript-eslint/only-throw-error": ["error", { allow: ["Response"] }],
      "no-console": "error",
      "no-restricted-syntax": [
        "error",
        {
          selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
          message: "Only components/ui/SafeHtml.tsx may show HTML, after cleaning it.",
        },
      ],
    },
  },
  {
    files: ["src/components/ui/SafeHtml.tsx"],
    rules: { "no-restricted-syntax": "off" },
  },
  {
    files: ["src/lib/**"],
    rules: {
      "no-restricted-imports": mayNotImport(noFeatures, noApp, noComponents, ["^@/config", UP]),
    },
  },
  {
    files: ["src/config/**"],
    rules: { "no-restricted-imports": mayNotImport(noFeatures, noApp, noComponents) },
  },
  {
    files: ["src/components/**"],
    rules: { "no-restricted-imports": mayNotImport(noFeatures, noApp) },
  },
  {
    files: ["src/features/**"],
    rules: { "no-restricted-imports": mayNotImport(noApp, throughIndex, noNeighbour) },
  },
  {
    files: ["public/**", "*.config.{js,cjs}"],
    languageOptions: {
      globals: {
        window: "readonly",
        document: "readonly",
        module: "writable",
        process: "readonly",
      },
    },
  },
  prettier,
);
