import { api, type Page } from "@/lib/api";
import type { CatalogImage, Collection } from "./types";

/** The id of any image that takes part. */
export async function randomImage(collection: Collection): Promise<string> {
  const taking = Math.max(1, collection.n_images - collection.n_excluded);
  const page = 1 + Math.floor(Math.random() * taking);
  const { results } = await api.get<Page<CatalogImage>>(`collections/${collection.slug}/images/`, {
    query: { excluded: "none", page, page_size: 1 },
  });
  const image = results[0];
  if (image === undefined) throw new Error("Every image of this collection is screened out.");
  return image.image_id;
}
