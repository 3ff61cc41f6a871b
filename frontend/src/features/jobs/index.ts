export { useTargetJobs } from "./api/target-jobs";
