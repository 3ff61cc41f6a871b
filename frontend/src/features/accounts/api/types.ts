/** The shapes of the server, by the names that these pages use. */
import type { Schemas } from "@/lib/api";

export type Role = Schemas["RoleEnum"];
export type User = Schemas["User"];
export type Session = Schemas["Session"];
export type Token = Schemas["TokenState"];
export type InvitationOffer = Schemas["OpenInvitation"];
