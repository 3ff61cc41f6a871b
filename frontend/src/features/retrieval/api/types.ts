import type { Schemas } from "@/lib/api";

export type Method = Schemas["Method"];
export type Space = Schemas["Space"];
export type SpaceState = Schemas["SpaceStateEnum"];
export type Device = NonNullable<Schemas["StartExtractionRequest"]["device"]>;
export type Pools = Schemas["PoolSummary"];
export type FusionKind = Schemas["FusionKind"];
export type Exploration = Schemas["Exploration"];
export type ExploredMethod = Schemas["ExploredMethod"];
export type FoundImage = Schemas["FoundImage"];
export type ScreenedImage = Schemas["ScreenedImage"];
export type ScreeningState = Schemas["ScreeningState"];
export type ScreeningCounts = Schemas["ScreeningCounts"];
export type Training = Schemas["Training"];
export type Labelled = Schemas["LabelledImages"];
