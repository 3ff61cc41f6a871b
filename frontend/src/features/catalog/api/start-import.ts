import { api } from "@/lib/api";
import type { Job } from "@/lib/jobs";

/** All files are here: let the workers read them. */
export const startImport = (id: number) => api.post<{ job: Job }>(`imports/${id}/start/`);
