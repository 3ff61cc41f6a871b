import { api } from "@/lib/api";
import type { Design, Study } from "./types";

/** Replace the design of a draft; an open study refuses. */
export const saveDesign = (slug: string, design: Design) =>
  api.put<Study>(`studies/${slug}/design/`, { design, draft: true });
