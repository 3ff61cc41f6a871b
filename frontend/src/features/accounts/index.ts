export { mayBe } from "./api/roles";
export { sessionQuery, useSaveProfile, useSignedInUser, useSignOut, useUser } from "./api/session";
export type { Role, User } from "./api/types";
