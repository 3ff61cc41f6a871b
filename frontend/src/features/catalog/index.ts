export { collectionQuery } from "./api/get-collection";
export { randomImage } from "./api/random-image";
export { collectionsQuery } from "./api/list-collections";
export type { CatalogImage, Collection } from "./api/types";
export { CollectionFrame } from "./components/CollectionFrame";
export { ImageGrid, Thumb } from "./components/ImageGrid";
