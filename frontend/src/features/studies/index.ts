export { studyQuery } from "./api/get-study";
export type { Study } from "./api/types";
export { StudyFrame } from "./components/StudyFrame";
