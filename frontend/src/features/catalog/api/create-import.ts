import { api } from "@/lib/api";
import type { Import } from "./types";

/** Open an import that waits for its files. */
export const createImport = (slug: string) =>
  api.post<Import>(`collections/${slug}/imports/`, { source: "upload" });
