export { fusionKindsQuery } from "./api/list-fusion-kinds";
export { methodsQuery } from "./api/list-methods";
export { spacesQuery } from "./api/list-spaces";
export { poolsKey, poolsQuery } from "./api/get-pools";
export { useBuildPools } from "./api/build-pools";
export { useComputeSpaces } from "./api/compute-spaces";
export type { FusionKind, Method, Pools, Space } from "./api/types";
export { UnavailableSpaces } from "./components/UnavailableSpaces";
