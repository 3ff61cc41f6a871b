import type { Role } from "../api/types";

export const ROLES: { value: Role; label: string; does: string }[] = [
  { value: "assessor", label: "Assessor", does: "judges pairs of images" },
  { value: "researcher", label: "Researcher", does: "reads every study, its report and releases" },
  { value: "admin", label: "Admin", does: "imports, plans studies and invites people" },
];

export const roleWord = (role: Role): string =>
  ROLES.find(({ value }) => value === role)?.label ?? role;
