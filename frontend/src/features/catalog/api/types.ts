import type { Schemas } from "@/lib/api";

export type Collection = Schemas["Collection"];

export interface CatalogImage extends Omit<Schemas["Image"], "metadata"> {
  metadata: Record<string, unknown>;
}

export type Import = Schemas["Import"];
export type ImportedFile = Required<Schemas["ImportedFile"]>;
export type ImportOutcome = Schemas["OutcomeEnum"];
