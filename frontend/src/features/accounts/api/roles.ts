import type { Role, User } from "./types";

const RANK: Record<Role, number> = { assessor: 0, researcher: 1, admin: 2 };

/** Whether the person may see what `needs` may: an admin may all that a researcher may. */
export const mayBe = (user: Pick<User, "role">, needs: Role): boolean =>
  RANK[user.role] >= RANK[needs];
