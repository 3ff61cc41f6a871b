import type { CatalogImage } from "@/features/catalog";
import type { Schemas } from "@/lib/api";

export type Study = Schemas["Study"];
export type StudyState = Schemas["StudyStateEnum"];
export type StudyCategory = Schemas["StudyCategory"];

export type DesignCategory = Required<Schemas["CategoryDesignRequest"]>;
export type DesignQuery = Schemas["QueryDesignRequest"];

/** What the admin decides: the same words as study.toml. */
export interface Design extends Required<
  Omit<Schemas["StudyDesignRequest"], "slug" | "categories" | "protocol">
> {
  /** As the study has it, which may be one that came later than this page. */
  protocol: string;
  categories: DesignCategory[];
}

export interface StudyQuery extends Omit<Schemas["StudyQuery"], "image"> {
  image: CatalogImage;
}

export type Plan = Schemas["Plan"];
export type Monitor = Schemas["Monitor"];
export type MonitorAssessor = Schemas["MonitoredAssessor"];
