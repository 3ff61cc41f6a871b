import type { components } from "./schema";

export { addressOf, api, csrfToken, onSignedOut, type Page, type Query } from "./client";
export { ApiError, problemOf, sentenceOf } from "./problem";
export { makeQueryClient } from "./query";

/** The server's shapes by name, generated from its API description by `make types`. */
export type Schemas = components["schemas"];
