import type { Schemas } from "@/lib/api";

export type Method = Schemas["Method"];
export type FusionKind = Schemas["FusionKind"];
export type Space = Schemas["Space"];
export type SpaceState = Schemas["SpaceStateEnum"];
export type Device = NonNullable<Schemas["StartExtractionRequest"]["device"]>;
export type Pools = Schemas["PoolSummary"];
