export { groupsQuery } from "./api/groups";
export type { Group } from "./api/types";
