import type { Schemas } from "@/lib/api";

export type Role = Schemas["RoleEnum"];
export type Person = Schemas["Person"];
export type Group = Schemas["ExpertiseGroup"];
export type Invitation = Schemas["Invitation"];
/** With the link: the server keeps no more than its hash. */
export type NewInvitation = Schemas["NewInvitation"];
