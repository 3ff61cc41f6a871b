export { assessListQuery } from "./api/assess";
export type { AssessListItem } from "./api/types";
export { Unsent } from "./components/Unsent";
export { OutboxProvider, useOutboxState } from "./outbox/OutboxProvider";
export { progressWords } from "./workspace/pace";
