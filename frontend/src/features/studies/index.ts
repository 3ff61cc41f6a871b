export { studyQuery } from "./api/get-study";
export type { Study } from "./api/types";
export { StudyFrame } from "./components/StudyFrame";
export { UseAsQuery } from "./components/UseAsQuery";
